package sweeping

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/activities/activitytest"
	"everleaf/ports"
)

func TestBeginSweep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	begin := func() ports.BeginSweepOutput {
		out, err := call(r, ports.BeginSweep, ports.BeginSweepInput{})
		require.NoError(t, err)
		return out
	}
	r.backlog.EXPECT().Backlog(anything, now).Return(ports.BeginSweepOutput{Renewals: 3, Hosts: []string{"web1"}}, nil)
	r.resealer.EXPECT().Stale(anything).Return(7, nil)
	require.Equal(t, ports.BeginSweepOutput{Renewals: 3, Hosts: []string{"web1"}, Secrets: 7}, begin())

	// Nothing is due: the look at renewals is over. Secrets that cannot be counted wait.
	r.observer.EXPECT().Swept(anything)
	r.backlog.EXPECT().Backlog(anything, now).Return(ports.BeginSweepOutput{}, nil)
	r.resealer.EXPECT().Stale(anything).Return(0, operatorFault)
	require.Equal(t, ports.BeginSweepOutput{}, begin())

	r.backlog.EXPECT().Backlog(anything, now).Return(ports.BeginSweepOutput{}, waitFault)
	_, err := call(r, ports.BeginSweep, ports.BeginSweepInput{})
	activitytest.Wire(t, err, waitFault, true)
}
