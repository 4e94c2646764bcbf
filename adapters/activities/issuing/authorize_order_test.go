package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// authorize runs the part on the order.
func (r *rig) authorize(order domain.Order) error {
	r.Helper()
	return r.parts(func(ctx context.Context, i *issuance) error {
		i.switchTo(order.ID)
		return i.authorize(ctx, &order)
	})
}

// ofOne is the pending order for one name.
func ofOne() domain.Order {
	order := pending
	order.Authorizations = []string{"authz/a"}
	return order
}

// challenge is the http-01 challenge of one of the two names, "a" or "b".
func challenge(name string, status domain.AuthorizationStatus) domain.Challenge {
	return domain.Challenge{Type: domain.ChallengeHTTP01, URL: "challenge/" + name, Status: status,
		Name:  name + ".example.com",
		Token: "token-" + name, KeyAuthorization: "token-" + name + ".thumbprint"}
}

func authorization(name string, status domain.AuthorizationStatus) domain.Authorization {
	return domain.Authorization{URL: "authz/" + name, Name: name + ".example.com", Status: status,
		Challenges: []domain.Challenge{
			{Type: "dns-01", URL: "challenge/dns/" + name}, challenge(name, domain.AuthorizationPending),
		}}
}

// shows expects the CA to be asked about a name once for each answer, in order.
func (r *rig) shows(name string, answers ...domain.Authorization) (calls []*gomock.Call) {
	for _, answer := range answers {
		calls = append(calls, r.ca.EXPECT().Authorization(anything, "authz/"+name).Return(answer, nil))
	}
	return calls
}

// cleansUp expects the challenges to be removed with a context that lives, whatever became of the step's own.
func (r *rig) cleansUp(err error) *gomock.Call {
	return r.solver.EXPECT().CleanUp(anything, orderID).DoAndReturn(func(ctx context.Context, _ string) error {
		require.NoError(r, ctx.Err())
		_, bounded := ctx.Deadline()
		require.True(r, bounded)
		return err
	})
}

func inOrder(calls ...[]*gomock.Call) {
	var all []*gomock.Call
	for _, some := range calls {
		all = append(all, some...)
	}
	gomock.InOrder(all...)
}

func one(call *gomock.Call) []*gomock.Call { return []*gomock.Call{call} }

const (
	isPending    = domain.AuthorizationPending
	isProcessing = domain.AuthorizationStatus("processing")
	isValid      = domain.AuthorizationValid
	isInvalid    = domain.AuthorizationInvalid
)

func TestAuthorizeOrderShowsAllBeforeItTellsTheCA(t *testing.T) {
	r := newRig(t)
	a, b := challenge("a", isPending), challenge("b", isPending)
	inOrder(
		r.shows("a", authorization("a", isPending)),
		r.shows("b", authorization("b", isPending)),
		one(r.solver.EXPECT().Present(anything, orderID, []domain.Challenge{a, b})),
		one(r.solver.EXPECT().Check(anything, a)),
		one(r.solver.EXPECT().Check(anything, b)),
		one(r.ca.EXPECT().AcceptChallenge(anything, a)),
		one(r.ca.EXPECT().AcceptChallenge(anything, b)),
		r.shows("a", authorization("a", isPending), authorization("a", isValid)),
		r.shows("b", authorization("b", isValid)),
		one(r.cleansUp(nil)),
	)
	require.NoError(t, r.authorize(pending))
}

func TestAuthorizeOrderLeavesTheValidAlone(t *testing.T) {
	t.Run("all", func(t *testing.T) {
		r := newRig(t)
		inOrder(r.shows("a", authorization("a", isValid)), r.shows("b", authorization("b", isValid)),
			one(r.cleansUp(nil)))
		require.NoError(t, r.authorize(pending))
	})
	t.Run("one of two", func(t *testing.T) {
		r := newRig(t)
		b := challenge("b", isPending)
		inOrder(
			r.shows("a", authorization("a", isValid)),
			r.shows("b", authorization("b", isPending)),
			one(r.solver.EXPECT().Present(anything, orderID, []domain.Challenge{b})),
			one(r.solver.EXPECT().Check(anything, b)),
			one(r.ca.EXPECT().AcceptChallenge(anything, b)),
			r.shows("b", authorization("b", isValid)),
			one(r.cleansUp(nil)),
		)
		require.NoError(t, r.authorize(pending))
	})
}

// A killed try had the CA validate a: it is presented again, since the CA may still be checking, but not accepted
// twice.
func TestAuthorizeOrderGoesOnWhereAKilledTryWas(t *testing.T) {
	r := newRig(t)
	validating := authorization("a", isPending)
	validating.Challenges[1].Status = isProcessing
	b := challenge("b", isPending)
	inOrder(
		r.shows("a", validating),
		r.shows("b", authorization("b", isPending)),
		one(r.solver.EXPECT().Present(anything, orderID, []domain.Challenge{challenge("a", isProcessing), b})),
		one(r.solver.EXPECT().Check(anything, b)),
		one(r.ca.EXPECT().AcceptChallenge(anything, b)),
		r.shows("a", authorization("a", isValid)),
		r.shows("b", authorization("b", isValid)),
		one(r.cleansUp(nil)),
	)
	require.NoError(t, r.authorize(pending))
}

func TestAuthorizeOrderWaitsUntilTheChallengeIsVisible(t *testing.T) {
	invisible := domain.NewFault(domain.FaultWait, "ChallengeNotVisible", nil, "http://a.example.com answers 404")
	a := challenge("a", isPending)

	t.Run("in time", func(t *testing.T) {
		r := newRig(t)
		inOrder(
			r.shows("a", authorization("a", isPending)),
			one(r.solver.EXPECT().Present(anything, anything, anything)),
			one(r.solver.EXPECT().Check(anything, a).Return(invisible).Times(3)),
			one(r.solver.EXPECT().Check(anything, a)),
			one(r.ca.EXPECT().AcceptChallenge(anything, a)),
			r.shows("a", authorization("a", isValid)),
			one(r.cleansUp(nil)),
		)
		require.NoError(t, r.authorize(ofOne()))
	})
	never := func(t *testing.T) *rig {
		r := newRig(t)
		r.env.SetHeartbeatDetails(progress{Order: orderID, Stage: presented,
			Look: domain.Look{Since: now.Add(-r.waitLimit)}})
		r.shows("a", authorization("a", isPending))
		return r
	}
	t.Run("never: the name's fault, and the CA does not hear", func(t *testing.T) {
		r := never(t)
		r.solver.EXPECT().Check(anything, a).Return(invisible)
		r.cleansUp(nil)
		err := r.authorize(ofOne())
		wire(t, err, domain.NewFault(domain.FaultName, "ChallengeNotVisible", nil, "http://a.example.com answers 404"),
			false)
	})
	t.Run("all are refused all the time: no need to wait to the end", func(t *testing.T) {
		closed := ports.PortClosed{Fault: domain.NewFault(domain.FaultWait, "ChallengeNotVisible", nil,
			"connection refused")}
		for since, over := range map[time.Duration]bool{19 * time.Second: false, 21 * time.Second: true} {
			r := newRig(t)
			r.waitLimit, r.activities.pace.closed = 2*time.Minute, 20*time.Second
			r.env.SetHeartbeatDetails(progress{Order: orderID, Stage: presented,
				Look: domain.Look{Since: now.Add(-since)}, Closed: now.Add(-since)})
			r.shows("a", authorization("a", isPending))
			r.solver.EXPECT().Check(anything, a).Return(closed)
			if !over {
				parkedFor(t, r.authorize(ofOne()), "ChallengeNotVisible")
				look := r.progress().Look
				require.Equal(t, "connection refused", look.Seen)
				require.Equal(t, now.Add(-since).Add(20*time.Second), look.Until)
				continue
			}
			r.cleansUp(nil)
			err := r.authorize(ofOne())
			wire(t, err, domain.NewFault(domain.FaultName, "ChallengeNotVisible", nil, "connection refused"), false)
		}
	})
	t.Run("the zone is ours and cannot be seen: the operator's fault", func(t *testing.T) {
		r := never(t)
		r.solver.EXPECT().Check(anything, a).Return(domain.NewFault(domain.FaultWait, "ZoneNotVisible", nil,
			"no name server of it"))
		r.cleansUp(nil)
		err := r.authorize(ofOne())
		wire(t, err, domain.NewFault(domain.FaultOperator, "ZoneNotVisible", nil, "no name server of it"), false)
	})
	t.Run("the resolver that is set refuses: the operator's fault", func(t *testing.T) {
		r := never(t)
		r.solver.EXPECT().Check(anything, a).Return(domain.NewFault(domain.FaultWait, "InvalidSetting", nil, "it refuses"))
		r.cleansUp(nil)
		err := r.authorize(ofOne())
		wire(t, err, domain.NewFault(domain.FaultOperator, "InvalidSetting", nil, "it refuses"), false)
	})
	t.Run("nobody could look: not the name's fault", func(t *testing.T) {
		r := never(t)
		r.solver.EXPECT().Check(anything, a).Return(waitFault)
		err := r.authorize(ofOne())
		wire(t, err, waitFault, true)
	})
}

func TestAuthorizeOrderHonoursRetryAfter(t *testing.T) {
	r := newRig(t)
	waiting := authorization("a", isPending)
	waiting.RetryAfter = 60 * time.Millisecond
	r.solver.EXPECT().Present(anything, anything, anything)
	r.solver.EXPECT().Check(anything, anything)
	r.ca.EXPECT().AcceptChallenge(anything, anything)
	inOrder(r.shows("a", authorization("a", isPending), waiting, authorization("a", isValid)), one(r.cleansUp(nil)))
	started := time.Now()
	require.NoError(t, r.authorize(ofOne()))
	require.GreaterOrEqual(t, time.Since(started), waiting.RetryAfter)
}

// A CA that takes long holds no slot: the try ends, and the next one looks again and does nothing else.
func TestAuthorizeOrderIsParked(t *testing.T) {
	waiting := authorization("a", isPending)
	waiting.RetryAfter = 25 * time.Second
	invited := func(r *rig) {
		r.solver.EXPECT().Present(anything, anything, anything)
		r.solver.EXPECT().Check(anything, anything)
		r.ca.EXPECT().AcceptChallenge(anything, anything)
		r.shows("a", authorization("a", isPending), waiting)
		require.Equal(t, 25*time.Second, parked(t, r.authorize(ofOne())))
		require.Equal(t, progress{Order: orderID, Stage: accepted,
			Look: domain.Look{For: "the issuer default to validate", Since: now}, Checks: 1}, r.progress())
	}
	t.Run("until the CA is done", func(t *testing.T) {
		r := newRig(t)
		invited(r)
		for look := range 3 {
			r.again(25 * time.Second)
			r.shows("a", waiting)
			require.Equal(t, 25*time.Second, parked(t, r.authorize(ofOne())))
			require.Equal(t, look+2, r.progress().Checks)
			require.Zero(t, r.progress().Failures, "a try that waits is none that failed")
		}
		r.again(25 * time.Second)
		inOrder(r.shows("a", authorization("a", isValid)), one(r.cleansUp(nil)))
		require.NoError(t, r.authorize(ofOne()))
	})
	t.Run("and the order is ready: the challenges go", func(t *testing.T) {
		r := newRig(t)
		invited(r)
		r.again(25 * time.Second)
		r.cleansUp(nil)
		ready := ofOne()
		ready.Status = domain.OrderReady
		require.NoError(t, r.authorize(ready))
	})
	t.Run("where the CA names no pause, it grows", func(t *testing.T) {
		r := newRig(t)
		r.activities.pace.poll, r.activities.pace.pauseMax = 500*time.Millisecond, 30*time.Second
		r.env.SetHeartbeatDetails(progress{Order: orderID, Stage: accepted,
			Look: domain.Look{Since: now.Add(-10 * time.Second)}})
		for _, pause := range []time.Duration{time.Second, time.Second, 2 * time.Second, 4 * time.Second,
			8 * time.Second, 16 * time.Second,
			30 * time.Second, 30 * time.Second} {
			r.shows("a", authorization("a", isPending))
			require.Equal(t, pause, parked(t, r.authorize(ofOne())))
			r.again(pause)
		}
	})
	t.Run("what the CA names is bounded", func(t *testing.T) {
		r := newRig(t)
		r.env.SetHeartbeatDetails(progress{Order: orderID, Stage: accepted, Look: domain.Look{Since: now}})
		days := waiting
		days.RetryAfter = 48 * time.Hour
		r.shows("a", days)
		require.Equal(t, time.Hour, parked(t, r.authorize(ofOne())))
	})
	t.Run("for an hour: the CA's fault", func(t *testing.T) {
		r := newRig(t)
		r.env.SetHeartbeatDetails(progress{Order: orderID, Stage: accepted,
			Look: domain.Look{Since: now.Add(-time.Hour)}, Checks: 100})
		r.shows("a", waiting)
		r.cleansUp(nil)
		application, fault := faultIn(t, r.authorize(ofOne()))
		require.True(t, application.NonRetryable())
		require.Equal(t, domain.FaultCA, fault.Kind)
		require.EqualValues(t, "OrderStuck", fault.Reason)
	})
	t.Run("while a challenge is not visible yet: nothing is presented twice", func(t *testing.T) {
		r := newRig(t)
		r.activities.pace.check, r.waitLimit = 20*time.Second, 2*time.Minute
		invisible := domain.NewFault(domain.FaultWait, "ChallengeNotVisible", nil, "no record yet")
		r.shows("a", authorization("a", isPending))
		r.solver.EXPECT().Present(anything, anything, anything)
		r.solver.EXPECT().Check(anything, anything).Return(invisible)
		err := r.authorize(ofOne())
		require.Equal(t, 20*time.Second, parkedFor(t, err, "ChallengeNotVisible"), "not the CA's fault")
		require.Equal(t, presented, r.progress().Stage)
		r.again(20 * time.Second)
		r.shows("a", authorization("a", isPending), authorization("a", isValid))
		r.solver.EXPECT().Check(anything, anything)
		r.ca.EXPECT().AcceptChallenge(anything, anything)
		r.cleansUp(nil)
		require.NoError(t, r.authorize(ofOne()))
	})
	t.Run("what another order's try saved does not count", func(t *testing.T) {
		r := newRig(t)
		r.env.SetHeartbeatDetails(progress{Order: "another", Stage: accepted, Look: domain.Look{Since: now},
			Failures: 2, Expired: 1})
		require.NoError(t, r.parts(func(_ context.Context, i *issuance) error {
			require.False(t, i.switchTo(orderID))
			require.Equal(t, progress{Order: orderID, Failures: 2, Expired: 1,
				Look: domain.Look{For: "the issuer default"}}, i.at)
			require.True(t, i.switchTo(orderID))
			return nil
		}))
	})
}

func TestAuthorizeOrderHeartbeats(t *testing.T) {
	r := newRig(t)
	r.activities.pace.heartbeat = time.Millisecond
	r.shows("a", authorization("a", isPending), authorization("a", isValid))
	r.solver.EXPECT().Present(anything, anything,
		anything).DoAndReturn(func(context.Context, string, []domain.Challenge) error {
		r.beat() // a solver that takes its time
		return nil
	})
	r.solver.EXPECT().Check(anything, anything)
	r.ca.EXPECT().AcceptChallenge(anything, anything)
	r.cleansUp(nil)
	require.NoError(t, r.authorize(ofOne()))
}
