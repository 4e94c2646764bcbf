package activities

import (
	"context"
	"fmt"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordReleased notes in Postgres that the certificate is kept no more.
func (a *Activities) RecordReleased(ctx context.Context, in ports.RecordReleasedInput) (ports.RecordReleasedOutput, error) {
	if err := a.Certificates.RecordReleased(ctx, in.Certificate); err != nil {
		return ports.RecordReleasedOutput{}, fmt.Errorf("record release: %w", err)
	}
	return ports.RecordReleasedOutput{}, nil
}

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
