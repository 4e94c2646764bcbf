package sweeping

import (
	"context"
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/activities/activitytest"
	"everleaf/domain"
	"everleaf/ports"
)

var (
	leafDER  = []byte("leaf")
	chainPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER})
	issued   = domain.Issued{Version: "v1", Issuer: "default", NotBefore: now.Add(-30 * 24 * time.Hour),
		NotAfter: now.Add(60 * 24 * time.Hour)}
	due = ports.AdviceDue{Certificate: certName, Issued: issued, ChainPEM: chainPEM,
		Plan: domain.PlanRenewal(now, issued, nil, 0.5)}
	duePage = ports.DuePage{Due: []ports.AdviceDue{due}, Page: ports.PageState{After: "p1", Done: true}}
	// passed moves the plan to now.
	passed = domain.Advice{Window: &domain.Window{Start: now.Add(-30 * time.Minute), End: now.Add(-time.Minute)}}
	moved  = []ports.Moved{{Certificate: certName, Version: issued.Version, At: now}}
)

// A plan that moved is stored first, then the workflow is notified, and then that is recorded.
func TestSweepRenewalsStoresAndThenNotifies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	gomock.InOrder(
		r.advice.EXPECT().Moved(anything, "", anything),
		r.advice.EXPECT().Due(anything, now, "", nil, anything).Return(duePage, nil),
		r.ca.EXPECT().RenewalAdvice(anything, leafDER).Return(passed, nil),
		r.advice.EXPECT().RecordAdvice(anything, anything).Do(func(_ context.Context, advised ports.Advised) {
			require.Equal(t, []any{certName, "v1", true, now},
				[]any{advised.Certificate, advised.Version, advised.Moved, advised.Plan.At})
		}),
		r.observer.EXPECT().ARIChecked(anything, "default", ports.ARICheckMoved),
		r.notifier.EXPECT().RecordChanged(anything, certName),
		r.advice.EXPECT().RecordNotified(anything, moved),
		r.observer.EXPECT().Swept(anything),
	)
	out, err := call(r, ports.SweepRenewals, ports.SweepRenewalsInput{})
	require.NoError(t, err)
	require.Equal(t, ports.SweepRenewalsOutput{Page: ports.PageState{After: "p1", Done: true}, Asked: 1, Moved: 1}, out)
}

// What a killed step has stored, and not notified, the next one notifies; those whose workflow cannot be notified stay.
func TestSweepRenewalsNotifiesWhatIsLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.activities.pace.page = 2
	left := []ports.Moved{{Certificate: "a", Version: "va"}, {Certificate: "b", Version: "vb"},
		{Certificate: "c", Version: "vc"}}
	r.advice.EXPECT().Moved(anything, "", 2).Return(left[:2], nil)
	r.advice.EXPECT().Moved(anything, "b", 2).Return(left[2:], nil)
	r.notifier.EXPECT().RecordChanged(anything,
		"a").Return(domain.NewFault(domain.FaultSpec, "WorkflowEnded", nil, "its workflow has ended"))
	r.notifier.EXPECT().RecordChanged(anything,
		"b").Return(domain.NewFault(domain.FaultOperator, "TemporalError", nil, "no more signals"))
	r.notifier.EXPECT().RecordChanged(anything, "c")
	r.advice.EXPECT().RecordNotified(anything, left[:1])
	r.advice.EXPECT().RecordNotified(anything, left[2:])
	r.advice.EXPECT().Due(anything, now, "", nil, 2).Return(ports.DuePage{Page: ports.PageState{Done: true}}, nil)
	r.observer.EXPECT().Swept(anything)
	_, err := call(r, ports.SweepRenewals, ports.SweepRenewalsInput{})
	require.NoError(t, err)
}

// A later step of a sweep does not look for what is left again.
func TestSweepRenewalsGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.advice.EXPECT().Due(anything, now, "p1", nil, anything).Return(ports.DuePage{Page: ports.PageState{After: "p2"}},
		nil)
	r.advice.EXPECT().Due(anything, now, "p2", nil, anything).Return(ports.DuePage{Page: ports.PageState{Done: true}},
		nil)
	r.observer.EXPECT().Swept(anything)
	_, err := call(r, ports.SweepRenewals, ports.SweepRenewalsInput{After: "p1"})
	require.NoError(t, err)
}

// What cannot be stored or notified ends the step, which is repeated. Nobody is notified of what is not stored.
func TestSweepRenewalsFaults(t *testing.T) {
	t.Parallel()
	asked := func(r *rig) *gomock.Call {
		r.advice.EXPECT().Moved(anything, "", anything)
		r.advice.EXPECT().Due(anything, now, "", nil, anything).Return(duePage, nil)
		r.observer.EXPECT().ARIChecked(anything, anything, anything).AnyTimes()
		return r.ca.EXPECT().RenewalAdvice(anything, leafDER).Return(passed, nil)
	}
	for name, expect := range map[string]func(*rig){
		"cannot read what is left": func(r *rig) {
			r.advice.EXPECT().Moved(anything, "", anything).Return(nil,
				waitFault)
		},
		"cannot read": func(r *rig) {
			r.advice.EXPECT().Moved(anything, "", anything)
			r.advice.EXPECT().Due(anything, now, "", nil, anything).Return(ports.DuePage{}, waitFault)
		},
		"cannot store": func(r *rig) {
			asked(r)
			r.advice.EXPECT().RecordAdvice(anything, anything).Return(waitFault)
		},
		"cannot notify": func(r *rig) {
			asked(r)
			r.advice.EXPECT().RecordAdvice(anything, anything)
			r.notifier.EXPECT().RecordChanged(anything, certName).Return(waitFault)
		},
		"cannot record the notice": func(r *rig) {
			asked(r)
			r.advice.EXPECT().RecordAdvice(anything, anything)
			r.notifier.EXPECT().RecordChanged(anything, certName)
			r.advice.EXPECT().RecordNotified(anything, moved).Return(waitFault)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			expect(r)
			_, err := call(r, ports.SweepRenewals, ports.SweepRenewalsInput{})
			_, fault := activitytest.FaultIn(t, err)
			require.Equal(t, waitFault.Reason, fault.Reason)
		})
	}
}
