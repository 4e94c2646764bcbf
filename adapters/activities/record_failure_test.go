package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRecordFailure(t *testing.T) {
	failure := domain.Failure{Fault: *caFault, Attempts: 2, At: now, RetryAt: now.Add(10 * time.Minute), Step: ports.FinalizeOrder.Name}
	in := ports.RecordFailureInput{Certificate: certName, Spec: spec, OrderID: orderID, Failure: failure}

	t.Run("recorded with the order whose tokens go", func(t *testing.T) {
		r := newRig(t)
		r.certificates.EXPECT().RecordFailure(anything, certName, spec, orderID, failure)
		_, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
	})
	for fault, retryable := range map[*domain.Fault]bool{waitFault: true, operatorFault: false} {
		t.Run(fault.Reason, func(t *testing.T) {
			r := newRig(t)
			r.certificates.EXPECT().RecordFailure(anything, anything, anything, anything, anything).Return(fault)
			_, err := call(r, ports.RecordFailure, in)
			wire(t, err, fault, retryable)
		})
	}
}
