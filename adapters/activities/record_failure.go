package activities

import (
	"context"
	"fmt"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordFailure makes the failure readable in Postgres and removes what challenges a killed step left.
func (a *Activities) RecordFailure(ctx context.Context, in ports.RecordFailureInput) (ports.RecordFailureOutput, error) {
	err := a.Certificates.RecordFailure(ctx, in.Certificate, in.Spec, in.OrderID, in.Failure)
	if err != nil {
		return ports.RecordFailureOutput{}, fmt.Errorf("record failure: %w", err)
	}
	if in.Failure.Fault.Reason == domain.ReasonCancelled {
		return ports.RecordFailureOutput{}, nil // whoever gave the certificate up needs no alarm for it
	}
	a.Observer.AttemptFailed(ctx, in.Spec.WithDefaults().Issuers[0], in.Failure.Fault)
	return ports.RecordFailureOutput{}, nil
}
