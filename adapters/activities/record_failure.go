package activities

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

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

// RecordFailure decides when to try again, makes the failure readable in Postgres and removes what challenges a killed
// step left. A failure after which another issuer is asked is a part of the story only.
func (a *Activities) RecordFailure(ctx context.Context, in ports.RecordFailureInput) (ports.RecordFailureOutput, error) {
	var none ports.RecordFailureOutput
	issuer := in.Failure.Issuer
	if issuer == "" {
		issuer = in.Spec.WithDefaults().Issuers[0]
	}
	if in.Next != "" {
		if err := a.Certificates.RecordFallback(ctx, in.Certificate, in.OrderID, in.Next, in.Failure); err != nil {
			return none, fmt.Errorf("record fallback: %w", err)
		}
		a.Observer.AttemptFailed(ctx, issuer, in.Failure.Fault)
		return none, nil
	}
	failure := in.Failure
	if failure.Fault.Reason != domain.ReasonCancelled {
		failure = domain.Decide(failure.At, in.Previous, &failure.Fault, failure.Step, in.Issued, drawn(in.Certificate, failure.At))
		failure.Issuer = in.Failure.Issuer
	}
	if err := a.Certificates.RecordFailure(ctx, in.Certificate, in.Spec, in.OrderID, failure); err != nil {
		return none, fmt.Errorf("record failure: %w", err)
	}
	if failure.Fault.Reason != domain.ReasonCancelled { // whoever gave the certificate up needs no alarm for it
		a.Observer.AttemptFailed(ctx, issuer, failure.Fault)
	}
	return ports.RecordFailureOutput{Failure: &failure}, nil
}

// drawn is a draw in [0,1) that a repeat of the step draws again: it must not tell people another instant than the
// workflow.
func drawn(certificate string, at time.Time) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", certificate, at.UnixNano()) // a hash takes all
	return float64(h.Sum64()>>11) / (1 << 53)
}
