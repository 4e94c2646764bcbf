package issuing

import (
	"context"
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

var (
	issued = domain.Issued{Version: "v1", Issuer: "default", Names: spec.Names, Serial: "0a", ARIID: "aki.serial",
		AccountURL: account,
		NotBefore:  now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour)}
	leafDER  = []byte("leaf")
	chainPEM = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("intermediate")})...)
)

// plan runs the part on a certificate whose chain is to be read.
func (r *rig) plan(of domain.Issued) (record domain.Record, err error) {
	r.Helper()
	err = r.parts(func(ctx context.Context, i *issuance) (err error) {
		record, err = i.plan(ctx, of, nil)
		return err
	})
	return record, err
}

// A plan is always made: by the default policy where the CA gives no advice.
func TestPlanRenewal(t *testing.T) {
	window := &domain.Window{Start: now.Add(50 * 24 * time.Hour), End: now.Add(52 * 24 * time.Hour)}
	chain := func(r *rig) *gomock.Call {
		return r.certificates.EXPECT().Chain(anything, certName, "v1").Return(chainPEM, nil)
	}
	for _, c := range []struct {
		name   string
		issuer string
		expect func(*rig)
		window *domain.Window // of the plan that is recorded
		next   time.Duration  // until the CA is asked again
	}{
		{"the CA's window", "default", func(r *rig) {
			gomock.InOrder(chain(r),
				r.ca.EXPECT().RenewalAdvice(anything,
					leafDER).DoAndReturn(func(ctx context.Context, _ []byte) (domain.Advice, error) {
					deadline, _ := ctx.Deadline()
					require.LessOrEqual(r, time.Until(deadline), r.activities.pace.advice,
						"a CA that does not answer must not hold the plan up")
					return domain.Advice{Window: window, RetryAfter: 3 * time.Hour}, nil
				}),
			)
		}, window, 3 * time.Hour},
		{"no renewalInfo at the CA", "default", func(r *rig) {
			chain(r)
			r.ca.EXPECT().RenewalAdvice(anything, leafDER).Return(domain.Advice{Unsupported: true}, nil)
		}, nil, 24 * time.Hour},
		{"the CA fails for now: the sweep asks again soon", "default", func(r *rig) {
			chain(r)
			r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, caFault)
		}, nil, time.Minute},
		{"the CA limits", "default", func(r *rig) {
			chain(r)
			r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, limitedFault)
		}, nil, limitedFault.RetryAfter},
		{"the CA is silent", "default", func(r *rig) {
			r.activities.pace.advice = time.Millisecond
			chain(r)
			r.ca.EXPECT().RenewalAdvice(anything,
				anything).DoAndReturn(func(ctx context.Context, _ []byte) (domain.Advice, error) {
				<-ctx.Done()
				return domain.Advice{}, ctx.Err()
			})
		}, nil, time.Minute},
		{"the chain cannot be read", "default", func(r *rig) {
			r.certificates.EXPECT().Chain(anything, certName, "v1").Return(nil, operatorFault)
		}, nil, 6 * time.Hour},
		{"the chain is not PEM", "default", func(r *rig) {
			r.certificates.EXPECT().Chain(anything, certName, "v1").Return([]byte("garbage"), nil)
		}, nil, 6 * time.Hour},
		{"the issuer is gone from the configuration", "other", func(*rig) {}, nil, 6 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			of := issued
			of.Issuer = c.issuer
			c.expect(r)
			r.rand.EXPECT().Float64().Return(0.25)
			plan := domain.PlanRenewal(now, of, c.window, 0.25)
			stored := domain.Record{Issued: &of, Renewal: &plan}
			r.certificates.EXPECT().RecordRenewal(anything, certName, "v1", plan, now.Add(c.next)).Return(stored, nil)
			record, err := r.plan(of)
			require.NoError(t, err)
			require.Equal(t, stored, record)
		})
	}
}

func TestPlanRenewalFaults(t *testing.T) {
	for fault, retryable := range map[*domain.Fault]bool{waitFault: true, operatorFault: false} {
		t.Run(string(fault.Reason), func(t *testing.T) {
			r := newRig(t)
			r.certificates.EXPECT().Chain(anything, anything, anything).Return(chainPEM, nil)
			r.ca.EXPECT().RenewalAdvice(anything, anything).Return(domain.Advice{}, nil)
			r.rand.EXPECT().Float64()
			r.certificates.EXPECT().RecordRenewal(anything, anything, anything, anything,
				anything).Return(domain.Record{}, fault)
			_, err := r.plan(issued)
			wire(t, err, fault, retryable)
		})
	}
}

func TestPlanRenewalEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	cancel := r.cancellable()
	r.certificates.EXPECT().Chain(anything, anything,
		anything).DoAndReturn(func(ctx context.Context, _, _ string) ([]byte, error) {
		cancel()
		return nil, ctx.Err()
	})
	_, err := r.plan(issued)
	require.Error(t, err, "no plan is recorded without the CA's advice just because the worker stops")
}
