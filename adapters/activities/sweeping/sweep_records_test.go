package sweeping

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/activities/activitytest"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// removing is a rig with a dns-01 solver that removes two orders' records at once.
func removing(t *testing.T) (*rig, *mocks.MockDNSRecordsMockRecorder, *mocks.MockSolverMockRecorder) {
	r := newRig(t)
	r.activities.pace.removals = 2
	return r, r.records.EXPECT(), r.solver.EXPECT()
}

var zoneFault = domain.NewFault(domain.FaultOperator, "DNSRefused", nil, "the zone's server refuses the key")

func TestSweepRecordsGoesThroughAll(t *testing.T) {
	t.Parallel()
	r, records, solver := removing(t)
	records.OrphanedOrders(anything, now, "a", 2).Return([]string{"b", "c"}, nil)
	records.OrphanedOrders(anything, now, "c", 2).Return([]string{"d"}, nil)
	solver.CleanUp(anything, "b")
	solver.CleanUp(anything, "c").Return(zoneFault)
	solver.CleanUp(anything, "d")
	out, err := call(r, ports.SweepRecords, ports.SweepRecordsInput{After: "a"})
	require.NoError(t, err)
	require.Equal(t, ports.SweepRecordsOutput{Page: ports.PageState{After: "d", Done: true}, Cleaned: 2, Failed: 1},
		out)
}

// Each page is looked up at its own time: a certificate whose next attempt came near since the walk began is no orphan
// any more.
func TestSweepRecordsLooksAtTheClockForEachPage(t *testing.T) {
	t.Parallel()
	r, records, solver := removing(t)
	r.step = 10 * time.Second
	first := now.Add(2 * r.step) // the first look is at when to end
	records.OrphanedOrders(anything, first, "", 2).Return([]string{"a", "b"}, nil)
	records.OrphanedOrders(anything, first.Add(r.step), "b", 2).Return(nil, nil)
	solver.CleanUp(anything, anything).Times(2)
	_, err := call(r, ports.SweepRecords, ports.SweepRecordsInput{})
	require.NoError(t, err)
}

// What takes too long is handed on.
func TestSweepRecordsHandsOn(t *testing.T) {
	t.Parallel()
	r, records, solver := removing(t)
	r.step = r.activities.pace.budget / 2
	records.OrphanedOrders(anything, anything, "", 2).Return([]string{"a", "b"}, nil)
	solver.CleanUp(anything, anything).Times(2)
	out, err := call(r, ports.SweepRecords, ports.SweepRecordsInput{})
	require.NoError(t, err)
	require.Equal(t, ports.SweepRecordsOutput{Page: ports.PageState{After: "b"}, Cleaned: 2}, out)
}

// Zones that refuse, or do not answer, hold up nobody else's records: the walk goes on to the end, with a bound for
// each order.
func TestSweepRecordsGoesOnWhereZonesFail(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]error{
		"no answer": waitFault, "asked to wait": domain.NewFault(domain.FaultWait, "DNSUnavailable", nil,
			"later").WithRetryAfter(time.Minute),
		"hangs": nil, "refuses": zoneFault,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, records, solver := removing(t)
			if down == nil {
				r.activities.pace.removal = time.Millisecond
			}
			pages := 0
			records.OrphanedOrders(anything, now, anything, 2).Times(11).DoAndReturn(
				func(context.Context, time.Time, string, int) ([]string, error) {
					if pages++; pages > 10 {
						return []string{"good"}, nil
					}
					return []string{fmt.Sprint(pages, "a"), fmt.Sprint(pages, "b")}, nil
				})
			solver.CleanUp(anything, anything).Times(21).DoAndReturn(func(ctx context.Context, order string) error {
				switch {
				case order == "good":
					return nil
				case down != nil:
					return down
				}
				<-ctx.Done()
				return errors.New("no answer in time")
			})
			out, err := call(r, ports.SweepRecords, ports.SweepRecordsInput{})
			require.NoError(t, err)
			require.Equal(t, ports.SweepRecordsOutput{Page: ports.PageState{After: "good", Done: true}, Cleaned: 1,
				Failed: 20}, out)
		})
	}
}

func TestSweepRecordsFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given     func(*rig, *mocks.MockDNSRecordsMockRecorder)
		want      *domain.Fault
		retryable bool
	}{
		"cannot read": {func(_ *rig, records *mocks.MockDNSRecordsMockRecorder) {
			records.OrphanedOrders(anything, now, "", 2).Return(nil, waitFault)
		}, waitFault, true},
		"no solver": {func(r *rig, _ *mocks.MockDNSRecordsMockRecorder) {
			r.activities.Solvers = nil
		}, domain.NewFault(domain.FaultOperator, "UnknownSolver", nil,
			`challenge "dns-01": this worker has no solver for it, which removes forgotten DNS records`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, records, _ := removing(t)
			test.given(r, records)
			_, err := call(r, ports.SweepRecords, ports.SweepRecordsInput{})
			activitytest.Wire(t, err, test.want, test.retryable)
		})
	}
}

// A step that is cut short counts nobody's failure: its repetition goes on.
func TestSweepRecordsIsCutShort(t *testing.T) {
	t.Parallel()
	r, records, solver := removing(t)
	cancel := r.cancellable()
	records.OrphanedOrders(anything, now, "", 2).Return([]string{"a"}, nil)
	solver.CleanUp(anything, "a").DoAndReturn(func(ctx context.Context, _ string) error {
		cancel()
		<-ctx.Done()
		return errors.New("no answer in time")
	})
	_, err := call(r, ports.SweepRecords, ports.SweepRecordsInput{})
	require.ErrorContains(t, err, "canceled")
}
