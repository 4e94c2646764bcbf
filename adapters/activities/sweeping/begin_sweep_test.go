package sweeping

import (
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestBeginSweep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctrl := gomock.NewController(t)
	backlog, resealer, observer := mocks.NewMockBacklog(ctrl), mocks.NewMockResealer(ctrl), mocks.NewMockObserver(ctrl)
	r.activities.Backlog, r.activities.Observer = backlog, observer
	begin := func() ports.BeginSweepOutput {
		out, err := call(r, ports.BeginSweep, ports.BeginSweepInput{})
		require.NoError(t, err)
		return out
	}
	backlog.EXPECT().Backlog(anything, now).Return(ports.BeginSweepOutput{Renewals: 3, Hosts: []string{"web1"}}, nil).Times(2)
	require.Equal(t, ports.BeginSweepOutput{Renewals: 3, Hosts: []string{"web1"}}, begin(), "nothing is sealed anew here")
	r.activities.Resealer = resealer
	resealer.EXPECT().Stale(anything).Return(7, nil)
	require.Equal(t, 7, begin().Secrets)

	// Nothing is due: the look at renewals is over. Secrets that cannot be counted wait.
	observer.EXPECT().Swept(anything)
	backlog.EXPECT().Backlog(anything, now).Return(ports.BeginSweepOutput{}, nil)
	resealer.EXPECT().Stale(anything).Return(0, operatorFault)
	require.Equal(t, ports.BeginSweepOutput{}, begin())

	backlog.EXPECT().Backlog(anything, now).Return(ports.BeginSweepOutput{}, waitFault)
	_, err := call(r, ports.BeginSweep, ports.BeginSweepInput{})
	wire(t, err, waitFault, true)
}

// What cannot be stored or told ends the step, which is repeated; nothing is stored that was not told.
func TestSweepRenewalsFaults(t *testing.T) {
	t.Parallel()
	due := ports.AdviceDue{Certificate: certName, Issued: issued, ChainPEM: chainPEM, Plan: domain.PlanRenewal(now, issued, nil, 0.5)}
	passed := domain.Advice{Window: &domain.Window{Start: now.Add(-30 * time.Minute), End: now.Add(-time.Minute)}}
	for name, expect := range map[string]func(*rig, *mocks.MockAdvice, *mocks.MockNotifier){
		"cannot read": func(_ *rig, a *mocks.MockAdvice, _ *mocks.MockNotifier) {
			a.EXPECT().Due(anything, now, "", nil, anything).Return(nil, waitFault)
		},
		"cannot tell": func(r *rig, a *mocks.MockAdvice, n *mocks.MockNotifier) {
			a.EXPECT().Due(anything, now, "", nil, anything).Return([]ports.AdviceDue{due}, nil)
			r.ca.EXPECT().RenewalAdvice(anything, leafDER).Return(passed, nil)
			n.EXPECT().Advised(anything, certName, anything).Return(waitFault)
		},
		"cannot store": func(r *rig, a *mocks.MockAdvice, n *mocks.MockNotifier) {
			a.EXPECT().Due(anything, now, "", nil, anything).Return([]ports.AdviceDue{due}, nil)
			r.ca.EXPECT().RenewalAdvice(anything, leafDER).Return(passed, nil)
			told := n.EXPECT().Advised(anything, certName, anything)
			a.EXPECT().RecordAdvice(anything, issued.Version, anything, anything, 0, "").Return(waitFault).After(told)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			ctrl := gomock.NewController(t)
			advice, notifier := mocks.NewMockAdvice(ctrl), mocks.NewMockNotifier(ctrl)
			r.activities.Advice, r.activities.Notifier = advice, notifier
			expect(r, advice, notifier)
			_, err := call(r, ports.SweepRenewals, ports.SweepRenewalsInput{})
			wire(t, err, waitFault, true)
		})
	}
}
