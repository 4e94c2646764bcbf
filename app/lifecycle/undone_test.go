package lifecycle

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A host that is gone has no worker: that is what the failure of its targets says.
func TestAStepThatNoWorkerTakesNamesItsQueue(t *testing.T) {
	t.Parallel()
	for target, says := range map[string]string{
		"disk@edge1": "target disk@edge1: no worker has done it within 3m0s on the task queue everleaf-delivery-edge1: is a " +
			"worker with the role delivery and EVERLEAF_DELIVERY_HOST=edge1 running?",
		"disk": "target disk: no worker has done it within 3m0s on the task queue everleaf-delivery: is a worker with the " +
			"role delivery running?",
	} {
		var got domain.Fault
		failed := undone("everleaf", target, func(fault domain.Fault) { got = fault })
		failed(domain.Fault{Kind: domain.FaultWait, Reason: domain.ReasonStepTimedOut, Message: "ScheduleToClose"})
		require.Equal(t, domain.Fault{Kind: domain.FaultWait, Reason: domain.ReasonStepTimedOut, Message: says}, got)
		failed(domain.Fault{Message: "a target's own"})
		require.Equal(t, "a target's own", got.Message)
	}
}
