package lifecycle

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A target that is taken back while the first try there is at work is not listed any more, and the try's failure is
// nobody's business; if the record says that the certificate got there after all, it is cleared.
func TestATargetTakenBackDuringItsFirstTry(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Spec.Deliveries = append(slices.Clone(m.Spec.Deliveries), "typo") })
	m.reconcile()
	perform(t, m, StepDeliver, func(a Action) {
		require.Equal(t, "typo", a.Target)
		m.Spec.Deliveries = m.Spec.Deliveries[:1]
		m.reconcile()
		require.Len(t, m.Deliveries, 2, "nothing else begins there")
		require.Len(t, m.Status("run").Deliveries, 1)
		m.FailedWith(a, *fault(domain.FaultWait, domain.ReasonStepTimedOut), epoch)
	})
	require.Len(t, m.Deliveries, 1)
	require.Empty(t, m.Failed)
	record := *m.Record
	record.Deliveries = append(slices.Clone(record.Deliveries), domain.Delivery{Target: "typo", Contacted: true})
	perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, domain.Recorded{Record: record}, epoch) })
	require.Len(t, m.Status("run").Deliveries, 2)
	perform(t, m, StepRemove, func(a Action) { require.Equal(t, "typo", a.Target) })
}
