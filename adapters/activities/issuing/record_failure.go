package issuing

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordReleased notes in Postgres that the certificate is kept no more, and which revocations are left undone.
func (a *Activities) RecordReleased(ctx context.Context, in ports.RecordReleasedInput) (ports.RecordReleasedOutput, error) {
	if err := a.recordRevoking(ctx, in.Revoking); err != nil {
		return ports.RecordReleasedOutput{}, err
	}
	delivered, err := a.Certificates.RecordReleased(ctx, in.Certificate)
	if err != nil {
		return ports.RecordReleasedOutput{}, fmt.Errorf("record release: %w", err)
	}
	return ports.RecordReleasedOutput{Delivered: delivered}, nil
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
		if !decidedAlone(ctx, failure.Fault, err) {
			return none, fmt.Errorf("record failure: %w", err)
		}
		activity.GetLogger(ctx).Warn("failure not recorded", "certificate", in.Certificate, "error", err)
	}
	if failure.Fault.Reason != domain.ReasonCancelled { // whoever gave the certificate up needs no alarm for it
		a.Observer.AttemptFailed(ctx, issuer, failure.Fault)
	}
	return ports.RecordFailureOutput{Failure: &failure}, nil
}

// decideAfter is after how many tries a failure that cannot be stored is decided all the same.
const decideAfter = 2

// decidedAlone says that the decision is handed on although it is not stored: while the database is away, its own outage
// is what failed, and must not climb the ladder for want of a decision.
func decidedAlone(ctx context.Context, failed domain.Fault, err error) bool {
	return ctx.Err() == nil && failed.Reason == databaseAway && domain.AsFault(err).Reason == databaseAway &&
		activity.GetInfo(ctx).Attempt >= decideAfter
}

// databaseAway is the reason of the faults of a database that does not answer.
const databaseAway = "DatabaseUnavailable"

// drawn is a draw in [0,1) that a repeat of the step draws again: it must not tell people another instant than the
// workflow.
func drawn(certificate string, at time.Time) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", certificate, at.UnixNano()) // a hash takes all
	return float64(h.Sum64()>>11) / (1 << 53)
}
