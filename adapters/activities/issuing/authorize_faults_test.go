package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestAuthorizeOrderCannotGoOn(t *testing.T) {
	why := domain.NewFault(domain.FaultName, "Unauthorized", nil, `a.example.com: the CA saw "404 Not Found"`)
	failed := authorization("a", isInvalid)
	failed.Fault = why
	bare := authorization("a", "expired")
	dnsOnly := authorization("a", isPending)
	dnsOnly.Challenges = dnsOnly.Challenges[:1]
	for _, c := range []struct {
		name   string
		shown  []domain.Authorization
		reason string
		says   string
	}{
		{"invalid from the start", []domain.Authorization{failed}, "Unauthorized", why.Message},
		{"invalid after the CA looked", []domain.Authorization{authorization("a", isPending), failed}, "Unauthorized",
			why.Message},
		{"expired, without a word", []domain.Authorization{bare}, "AuthorizationFailed", "expired"},
		{"wanted challenge not offered", []domain.Authorization{dnsOnly}, "ChallengeNotOffered", "[dns-01]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			if len(c.shown) > 1 {
				r.solver.EXPECT().Present(anything, anything, anything)
				r.solver.EXPECT().Check(anything, anything)
				r.ca.EXPECT().AcceptChallenge(anything, anything)
			}
			// The clean-up's own fault does not hide the cause.
			inOrder(r.shows("a", c.shown...), one(r.cleansUp(waitFault)))
			err := r.authorize(ofOne())
			application, fault := faultIn(t, err)
			require.True(t, application.NonRetryable())
			require.Equal(t, domain.FaultName, fault.Kind)
			require.EqualValues(t, c.reason, fault.Reason)
			require.Contains(t, fault.Message, "a.example.com")
			require.Contains(t, fault.Message, c.says)
		})
	}
}

func TestAuthorizeOrderFaults(t *testing.T) {
	begin := func(r *rig) { r.shows("a", authorization("a", isPending)) }
	present := func(r *rig) { begin(r); r.solver.EXPECT().Present(anything, orderID, anything) }
	check := func(r *rig) { present(r); r.solver.EXPECT().Check(anything, anything) }
	for _, c := range []struct {
		name      string
		expect    func(r *rig, f *domain.Fault)
		faults    []*domain.Fault
		retryable bool
	}{
		{"read authorization", func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().Authorization(anything, anything).Return(domain.Authorization{}, f)
		}, []*domain.Fault{caFault}, true},
		{"read authorization", func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().Authorization(anything, anything).Return(domain.Authorization{}, f)
		}, []*domain.Fault{limitedFault, busyFault, operatorFault}, false},
		{"present", func(r *rig, f *domain.Fault) {
			begin(r)
			r.solver.EXPECT().Present(anything, orderID, anything).Return(f)
		}, []*domain.Fault{waitFault}, true},
		{"check", func(r *rig, f *domain.Fault) {
			present(r)
			r.solver.EXPECT().Check(anything, anything).Return(f)
		}, []*domain.Fault{nameFault, operatorFault}, false},
		{"accept", func(r *rig, f *domain.Fault) {
			check(r)
			r.ca.EXPECT().AcceptChallenge(anything, anything).Return(f)
		}, []*domain.Fault{caFault}, true},
		{"accept", func(r *rig, f *domain.Fault) {
			check(r)
			r.ca.EXPECT().AcceptChallenge(anything, anything).Return(f)
		}, []*domain.Fault{limitedFault}, false},
		{"poll", func(r *rig, f *domain.Fault) {
			inOrder(r.shows("a", authorization("a", isPending)),
				one(r.ca.EXPECT().Authorization(anything, "authz/a").Return(domain.Authorization{}, f)))
			r.solver.EXPECT().Present(anything, orderID, anything)
			r.solver.EXPECT().Check(anything, anything)
			r.ca.EXPECT().AcceptChallenge(anything, anything)
		}, []*domain.Fault{caFault}, true},
	} {
		for _, fault := range c.faults {
			t.Run(c.name+"/"+string(fault.Reason), func(t *testing.T) {
				r := newRig(t)
				c.expect(r, fault)
				if !c.retryable { // else the next try is at it again, and the CA may be looking
					r.cleansUp(nil)
				}
				err := r.authorize(ofOne())
				wire(t, err, fault, c.retryable)
			})
		}
	}
}

// What cannot be removed is stored, and the sweep's: control was shown, and the certificate is not held up.
func TestAuthorizeOrderGoesOnWhereChallengesStay(t *testing.T) {
	for _, fault := range []*domain.Fault{waitFault, operatorFault} {
		r := newRig(t)
		r.shows("a", authorization("a", isValid))
		r.shows("b", authorization("b", isValid))
		r.cleansUp(fault)
		require.NoError(t, r.authorize(pending))
	}
}

func TestAuthorizeOrderWithoutASolver(t *testing.T) {
	r := newRig(t)
	r.in.Spec.Challenge = "dns-01"
	application, fault := faultIn(t, r.authorize(pending))
	require.True(t, application.NonRetryable())
	require.EqualValues(t, "UnknownSolver", fault.Reason)
}

// Cut short at each place where it waits or calls, by a shutdown, a lost heartbeat or a cancellation: the CA may be
// looking, and the next try or the record of the failure removes the challenges.
func TestAuthorizeOrderLeavesChallengesWhenCutShort(t *testing.T) {
	long := authorization("a", isPending)
	long.RetryAfter = time.Hour
	invisible := domain.NewFault(domain.FaultWait, "ChallengeNotVisible", nil, "nothing there")
	for _, c := range []struct {
		name   string
		expect func(r *rig, cancel func())
	}{
		{"while presenting", func(r *rig, cancel func()) {
			r.shows("a", long)
			r.solver.EXPECT().Present(anything, anything, anything).DoAndReturn(
				func(ctx context.Context, _ string, _ []domain.Challenge) error { cancel(); return ctx.Err() })
		}},
		{"while waiting to see it", func(r *rig, cancel func()) {
			r.activities.pace.check, r.activities.pace.pauseMax, r.activities.pace.place, r.waitLimit = time.Hour,
				time.Hour, 2*time.Hour, 2*time.Hour
			r.shows("a", long)
			r.solver.EXPECT().Present(anything, anything, anything)
			r.solver.EXPECT().Check(anything, anything).DoAndReturn(func(context.Context, domain.Challenge) error {
				time.AfterFunc(20*time.Millisecond, cancel)
				return invisible
			})
		}},
		{"while looking", func(r *rig, cancel func()) {
			r.shows("a", long)
			r.solver.EXPECT().Present(anything, anything, anything)
			r.solver.EXPECT().Check(anything, anything).DoAndReturn(
				func(ctx context.Context, _ domain.Challenge) error { cancel(); return ctx.Err() })
		}},
		{"while the CA validates", func(r *rig, cancel func()) {
			r.activities.pace.place = 2 * time.Hour
			r.shows("a", long, long)
			r.solver.EXPECT().Present(anything, anything, anything)
			r.solver.EXPECT().Check(anything, anything)
			r.ca.EXPECT().AcceptChallenge(anything,
				anything).DoAndReturn(func(context.Context, domain.Challenge) error {
				time.AfterFunc(20*time.Millisecond, cancel)
				return nil
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			c.expect(r, r.cancellable())
			err := r.authorize(ofOne())
			require.ErrorContains(t, err, context.Canceled.Error())
		})
	}
}
