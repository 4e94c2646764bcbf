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

var obtainInput = ports.ObtainCertificateInput{Certificate: certName, Spec: spec}

// finds expects the record and the order in flight to be read.
func (r *rig) finds(record domain.Record, order *ports.StoredOrder) *gomock.Call {
	return r.orders.EXPECT().FindOrder(anything, certName).Return(record, order, nil)
}

// plans expects the plan of a version to be stored; the record is what the step answers with.
func (r *rig) plans(version string) *gomock.Call {
	return r.certificates.EXPECT().RecordRenewal(anything, certName, version, anything, anything).DoAndReturn(
		func(_ context.Context, _, _ string, plan domain.RenewalPlan, _ time.Time) (domain.Record, error) {
			return domain.Record{Issued: &domain.Issued{Version: version}, Renewal: &plan}, nil
		})
}

// All of it in one step, and each thing is stored before the next happens.
func TestObtainCertificate(t *testing.T) {
	s := newSigned(t)
	r := newRig(t)
	opened := s.stored
	planned(&opened)
	valid := func(name string) *gomock.Call {
		return r.ca.EXPECT().Authorization(anything, "authz/"+name).Return(authorization(name, isValid), nil)
	}
	inOrder(
		one(r.finds(domain.Record{}, nil)),
		r.expectOpened(opened),
		r.expectPlaced(ports.OrderRequest{Names: spec.Names}),
		one(valid("a")), one(valid("b")), one(r.cleansUp(nil)),
		one(r.ca.EXPECT().Finalize(anything, ready(), s.stored.CSR).Return(answer(domain.OrderValid), nil)),
		r.stores(s),
		one(r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, nil)),
		one(r.rand.EXPECT().Float64().Return(0.5)),
		one(r.plans("v1")),
	)
	out, err := call(r, ports.ObtainCertificate, obtainInput)
	require.NoError(t, err)
	require.Equal(t, "v1", out.Record.Issued.Version)
	require.NotNil(t, out.Record.Renewal)
	require.NotEmpty(t, out.Record.ReadBy)
}

// Another version than the one to be replaced is the answer, no matter who obtained it.
func TestObtainCertificateThatIsThere(t *testing.T) {
	there := domain.Record{Issued: &domain.Issued{Version: "v1", Issuer: "default", NotBefore: now,
		NotAfter: now.Add(90 * 24 * time.Hour)}}
	plan := &domain.RenewalPlan{At: now.Add(time.Hour)}
	for _, replaces := range []string{"", replaced} {
		in := obtainInput
		in.Replaces = replaces
		t.Run("planned, replaces "+replaces, func(t *testing.T) {
			r := newRig(t)
			record := there
			record.Renewal = plan
			r.finds(record, nil)
			out, err := call(r, ports.ObtainCertificate, in)
			require.NoError(t, err)
			require.Equal(t, plan, out.Record.Renewal)
		})
		t.Run("not planned yet, replaces "+replaces, func(t *testing.T) {
			r := newRig(t)
			r.finds(there, nil)
			r.certificates.EXPECT().Chain(anything, certName, "v1").Return(chainPEM, nil)
			r.ca.EXPECT().RenewalAdvice(anything, leafDER).Return(domain.Advice{}, nil)
			r.rand.EXPECT().Float64().Return(0.5)
			r.plans("v1")
			out, err := call(r, ports.ObtainCertificate, in)
			require.NoError(t, err)
			require.NotNil(t, out.Record.Renewal)
		})
	}
	t.Run("of a certificate that was released, nothing is obtained", func(t *testing.T) {
		r := newRig(t)
		r.finds(domain.Record{Retirement: domain.Released}, nil)
		out, err := call(r, ports.ObtainCertificate, obtainInput)
		require.NoError(t, err)
		require.Equal(t, domain.Released, out.Record.Retirement)
	})
	t.Run("issued by another try between two reads", func(t *testing.T) {
		r := newRig(t)
		record := there
		record.Renewal = plan
		issued := placed()
		issued.State = ports.OrderIssued
		inOrder(one(r.finds(domain.Record{}, nil)), r.expectOpened(issued), one(r.finds(record, nil)))
		out, err := call(r, ports.ObtainCertificate, obtainInput)
		require.NoError(t, err)
		require.Equal(t, "v1", out.Record.Issued.Version)
	})
}

// An order that ran out while it was parked is followed by another one at once, twice.
func TestObtainCertificateStartsOver(t *testing.T) {
	gone := domain.NewFault(domain.FaultWait, "AuthorizationExpired", nil, "it is expired").Permanent()
	r := newRig(t)
	stored := placed()
	opened := placed()
	planned(&opened)
	expired := domain.Authorization{Status: "expired", Fault: gone}
	for n := range 3 {
		if n == 0 {
			r.finds(domain.Record{}, &stored)
			r.ca.EXPECT().Order(anything, orderURL).Return(ofOne(), nil)
		} else {
			r.finds(domain.Record{}, nil)
			r.expectOpened(opened)
			r.ca.EXPECT().PlaceOrder(anything, anything).Return(ofOne(), nil)
			r.orders.EXPECT().RecordPlaced(anything, certName, orderID, orderURL, anything).Return(orderURL, nil)
		}
		r.ca.EXPECT().Authorization(anything, "authz/a").Return(expired, nil)
		r.cleansUp(nil)
		r.orders.EXPECT().AbandonOrder(anything, certName, orderID, "it is expired")
	}
	_, err := call(r, ports.ObtainCertificate, obtainInput)
	application, fault := faultIn(t, err)
	require.True(t, application.NonRetryable(), "the policy decides")
	require.Equal(t, domain.ReasonOrderExpired, fault.Reason)
	require.Equal(t, "AuthorizeOrder", fault.Step)
}

// A certificate that ran out before it could be stored is followed by another one as well. One that is expired sooner
// is not: the clock is wrong.
func TestObtainCertificateThatExpiredMeanwhile(t *testing.T) {
	s := newSigned(t)
	life := s.want.NotAfter.Sub(s.want.NotBefore)
	for name, c := range map[string]struct {
		opened time.Duration
		tries  int
	}{"within the time that it took": {life, maxNewOrders + 1}, "sooner": {life - time.Second, 1}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.now = s.want.NotAfter
			stored := s.stored
			stored.OpenedAt = r.now.Add(-c.opened)
			for range c.tries {
				r.finds(domain.Record{}, &stored)
				r.ca.EXPECT().Order(anything, orderURL).Return(answer(domain.OrderValid), nil)
				r.ca.EXPECT().Download(anything, certURL).Return(s.chain, nil)
				r.orders.EXPECT().AbandonOrder(anything, certName, orderID, anything)
			}
			_, err := call(r, ports.ObtainCertificate, obtainInput)
			application, fault := faultIn(t, err)
			require.True(t, application.NonRetryable(), "the policy decides")
			require.Equal(t, domain.FaultCA, fault.Kind)
			require.Equal(t, domain.ReasonCertificateNotValidNow, fault.Reason)
			require.Equal(t, "FinalizeOrder", fault.Step)
		})
	}
}

func TestObtainCertificateNamesThePartThatFailed(t *testing.T) {
	stored := placed()
	read := func(r *rig, status domain.OrderStatus) {
		r.finds(domain.Record{}, &stored)
		r.ca.EXPECT().Order(anything, orderURL).Return(atCA(status), nil)
	}
	for _, c := range []struct {
		part   string
		fault  *domain.Fault
		expect func(*rig, error)
	}{
		{"PlaceOrder", waitFault, func(r *rig, err error) {
			r.orders.EXPECT().FindOrder(anything, certName).Return(domain.Record{}, nil, err)
		}},
		{"AuthorizeOrder", caFault, func(r *rig, err error) {
			read(r, domain.OrderPending)
			r.ca.EXPECT().Authorization(anything, "authz/a").Return(domain.Authorization{}, err)
		}},
		{"FinalizeOrder", caFault, func(r *rig, err error) {
			read(r, domain.OrderReady)
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{}, err)
		}},
		{"PlanRenewal", waitFault, func(r *rig, err error) {
			r.finds(domain.Record{Issued: &domain.Issued{Version: "v1", Issuer: "other"}}, nil)
			r.rand.EXPECT().Float64()
			r.certificates.EXPECT().RecordRenewal(anything, anything, anything, anything,
				anything).Return(domain.Record{}, err)
		}},
	} {
		t.Run(c.part, func(t *testing.T) {
			r := newRig(t)
			fault := *c.fault
			c.expect(r, &fault)
			_, err := call(r, ports.ObtainCertificate, obtainInput)
			application, got := faultIn(t, err)
			require.Equal(t, c.part, got.Step)
			require.Equal(t, c.fault.Reason, got.Reason)
			require.False(t, application.NonRetryable())
			require.Empty(t, fault.Step, "a fault that others share is not written to")
		})
	}
}

// Only what failed is counted: a CA that is slow, and workers that stop, cost no try.
func TestObtainCertificateCountsWhatFailed(t *testing.T) {
	r := newRig(t)
	r.orders.EXPECT().FindOrder(anything, certName).AnyTimes().Return(domain.Record{}, nil, waitFault)
	for n := 1; n <= 8; n++ {
		_, err := call(r, ports.ObtainCertificate, obtainInput)
		application, _ := faultIn(t, err)
		require.Equal(t, n == 8, application.NonRetryable(), "try %d", n)
		require.Equal(t, min(time.Second<<(n-1), 30*time.Second), application.NextRetryDelay())
		require.Equal(t, n, r.progress().Failures)
		r.again(time.Minute)
	}
}

// A CA that takes its time is no dead worker: Temporal hears of the step meanwhile.
func TestObtainCertificateHeartbeats(t *testing.T) {
	r := newRig(t)
	r.activities.pace.heartbeat = time.Millisecond
	r.orders.EXPECT().FindOrder(anything, certName).DoAndReturn(func(context.Context, string) (domain.Record,
		*ports.StoredOrder, error) {
		r.beat()
		return domain.Record{}, nil, operatorFault
	})
	_, err := call(r, ports.ObtainCertificate, obtainInput)
	_, fault := faultIn(t, err)
	require.Equal(t, operatorFault.Reason, fault.Reason)
}

func TestObtainCertificateRefuses(t *testing.T) {
	t.Run("a bad spec before anything is touched", func(t *testing.T) {
		r := newRig(t)
		in := obtainInput
		in.Spec.Names = []string{"a_b.example.com"}
		_, err := call(r, ports.ObtainCertificate, in)
		application, fault := faultIn(t, err)
		require.True(t, application.NonRetryable())
		require.Equal(t, domain.FaultSpec, fault.Kind)
	})
	t.Run("an unknown issuer before anything is written", func(t *testing.T) {
		r := newRig(t)
		in := obtainInput
		in.Issuer = "other"
		r.finds(domain.Record{}, nil)
		_, err := call(r, ports.ObtainCertificate, in)
		_, fault := faultIn(t, err)
		require.Equal(t, operatorFault.Reason, fault.Reason)
		require.Equal(t, "PlaceOrder", fault.Step)
	})
}
