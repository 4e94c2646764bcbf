package issuing

import (
	"context"
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

var (
	issued = domain.Issued{Version: "v1", Issuer: "default", Names: spec.Names, Serial: "0a", ARIID: "aki.serial", AccountURL: account,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour)}
	leafDER  = []byte("leaf")
	chainPEM = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("intermediate")})...)
)

func TestPlanRenewal(t *testing.T) {
	window := &domain.Window{Start: now.Add(50 * 24 * time.Hour), End: now.Add(52 * 24 * time.Hour)}
	for _, c := range []struct {
		name   string
		issuer string
		expect func(*rig)
		window *domain.Window // of the plan that is recorded
	}{
		{"the CA's window", "default", func(r *rig) {
			gomock.InOrder(
				r.certificates.EXPECT().Chain(anything, "v1").Return(chainPEM, nil),
				r.ca.EXPECT().RenewalAdvice(anything, leafDER).DoAndReturn(func(ctx context.Context, _ []byte) (domain.Advice, error) {
					deadline, _ := ctx.Deadline()
					require.LessOrEqual(r, time.Until(deadline), r.activities.pace.advice, "a CA that does not answer must not hold the plan up")
					return domain.Advice{Window: window}, nil
				}),
			)
		}, window},
		{"no renewalInfo at the CA", "default", func(r *rig) {
			r.certificates.EXPECT().Chain(anything, "v1").Return(chainPEM, nil)
			r.ca.EXPECT().RenewalAdvice(anything, leafDER).Return(domain.Advice{}, nil)
		}, nil},
		{"the CA fails", "default", func(r *rig) {
			r.certificates.EXPECT().Chain(anything, "v1").Return(chainPEM, nil)
			r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, limitedFault)
		}, nil},
		{"the chain cannot be read", "default", func(r *rig) {
			r.certificates.EXPECT().Chain(anything, "v1").Return(nil, operatorFault)
		}, nil},
		{"the chain is not PEM", "default", func(r *rig) {
			r.certificates.EXPECT().Chain(anything, "v1").Return([]byte("garbage"), nil)
		}, nil},
		{"the issuer is gone from the configuration", "other", func(*rig) {}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			of := issued
			of.Issuer = c.issuer
			c.expect(r)
			r.dice.EXPECT().Fraction().Return(0.25)
			plan := domain.PlanRenewal(now, of, c.window, 0.25)
			r.certificates.EXPECT().RecordRenewal(anything, "v1", plan, anything).Return(plan, nil)
			out, err := call(r, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: certName, Issued: of})
			require.NoError(t, err)
			require.Equal(t, plan, out.Plan)
		})
	}
}

// A temporary fault is tried again in place before the rules of the house hold.
func TestPlanRenewalAsksAgain(t *testing.T) {
	for _, fault := range []*domain.Fault{caFault, waitFault} {
		r := newRig(t)
		r.certificates.EXPECT().Chain(anything, "v1").Return(chainPEM, nil)
		r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, fault)
		_, err := call(r, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: certName, Issued: issued})
		wire(t, err, fault, true)
	}
}

func TestPlanRenewalAsksASilentCAAgain(t *testing.T) {
	r := newRig(t)
	r.activities.pace.advice = time.Millisecond
	r.certificates.EXPECT().Chain(anything, "v1").Return(chainPEM, nil)
	r.ca.EXPECT().RenewalAdvice(anything, anything).DoAndReturn(func(ctx context.Context, _ []byte) (domain.Advice, error) {
		<-ctx.Done()
		return domain.Advice{}, ctx.Err()
	})
	_, err := call(r, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: certName, Issued: issued})
	application, fault := faultIn(t, err)
	require.False(t, application.NonRetryable())
	require.Equal(t, "Timeout", fault.Reason)
}

func TestPlanRenewalKeepsTheStoredPlan(t *testing.T) {
	r := newRig(t)
	stored := domain.RenewalPlan{At: now.Add(time.Hour), Reason: "ARIWindow", Fraction: 0.75}
	r.certificates.EXPECT().Chain(anything, "v1").Return(chainPEM, nil)
	r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, nil)
	r.dice.EXPECT().Fraction().Return(0.1)
	r.certificates.EXPECT().RecordRenewal(anything, "v1", anything, anything).Return(stored, nil)
	out, err := call(r, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: certName, Issued: issued})
	require.NoError(t, err)
	require.Equal(t, stored, out.Plan)
}

func TestPlanRenewalFaults(t *testing.T) {
	for fault, retryable := range map[*domain.Fault]bool{waitFault: true, operatorFault: false} {
		t.Run(fault.Reason, func(t *testing.T) {
			r := newRig(t)
			r.certificates.EXPECT().Chain(anything, anything).Return(chainPEM, nil)
			r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, nil)
			r.dice.EXPECT().Fraction()
			r.certificates.EXPECT().RecordRenewal(anything, anything, anything, anything).Return(domain.RenewalPlan{}, fault)
			_, err := call(r, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: certName, Issued: issued})
			wire(t, err, fault, retryable)
		})
	}
}

func TestPlanRenewalEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	cancel := r.cancellable()
	r.certificates.EXPECT().Chain(anything, anything).DoAndReturn(func(ctx context.Context, _ string) ([]byte, error) {
		cancel()
		return nil, ctx.Err()
	})
	_, err := call(r, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: certName, Issued: issued})
	require.Error(t, err, "no plan is recorded without the CA's advice just because the worker stops")
}
