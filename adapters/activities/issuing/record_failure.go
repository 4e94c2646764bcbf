package issuing

import (
	"context"
	"fmt"
	"hash/fnv"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordFailure has the policy decide what follows a failure, and stores it: with the certificate, a delivery or a
// pending revocation. It removes what HTTP challenges a killed step left. A failure after which another issuer is asked
// is a part of the history only.
func (a *Activities) RecordFailure(ctx context.Context,
	in ports.RecordFailureInput) (ports.RecordFailureOutput, error) {
	decision := domain.Decide(domain.Failed{
		Certificate: in.Certificate, Step: in.Step, Fault: in.Fault, At: in.At, Spec: in.Spec, Issuer: in.Issuer,
		Tried:  in.Tried,
		Target: in.Target, Version: in.Version, Previous: in.Previous, Issued: in.Issued, Fraction: drawn(in),
	})
	if err := a.recordFailure(ctx, in, decision); err != nil {
		return ports.RecordFailureOutput{}, err
	}
	logFailure(ctx, in, decision)
	return decision, nil
}

func logFailure(ctx context.Context, in ports.RecordFailureInput, decision domain.Decision) {
	failure := decision.Failure
	fields := []any{"certificate", in.Certificate, "step", failure.Step, "kind", failure.Fault.Kind, "reason",
		failure.Fault.Reason,
		"message", failure.Fault.Message, "attempts", failure.Attempts, "retry", failure.RetryAt}
	what := "attempt failed"
	switch {
	case in.Target != "":
		if what = "delivery failed"; failure.OfRemoval() {
			what = "removal failed"
		}
		fields = append(fields, "target", in.Target)
	case in.Step == ports.RevokeCertificate.Name:
		what = "revocation failed"
	case decision.Next != "":
		what, fields = "issuer failed; the next one is asked",
			append(fields, "issuer", in.Issuer, "next", decision.Next)
	}
	activity.GetLogger(ctx).Warn(what, fields...)
}

func (a *Activities) recordFailure(ctx context.Context, in ports.RecordFailureInput, decision domain.Decision) error {
	failure := decision.Failure
	switch {
	case in.Target != "":
		if err := a.Deliveries.RecordUndelivered(ctx, in.Certificate, in.Target, in.Version, failure); err != nil {
			return fmt.Errorf("record failed delivery: %w", err)
		}
		a.Observer.DeliveryFailed(ctx, in.Target, failure.Fault)
		return nil
	case in.Step == ports.RevokeCertificate.Name:
		if err := a.Certificates.RecordUnrevoked(ctx, in.Certificate, in.Version, failure); err != nil {
			return fmt.Errorf("record failed revocation: %w", err)
		}
		return nil
	case decision.Next != "":
		if err := a.Certificates.RecordFallback(ctx, in.Certificate, decision.Next, failure); err != nil {
			return fmt.Errorf("record fallback: %w", err)
		}
	default:
		if err := a.Certificates.RecordFailure(ctx, in.Certificate, in.Spec, failure); err != nil {
			return fmt.Errorf("record failure: %w", err)
		}
	}
	issuer := in.Issuer
	if issuer == "" {
		issuer = in.Spec.WithDefaults().Issuers[0]
	}
	a.Observer.AttemptFailed(ctx, issuer, failure.Fault)
	return nil
}

// drawn is a draw in [0,1) that a repeat of the step draws again: it must not give people another instant than the
// workflow.
func drawn(in ports.RecordFailureInput) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %s %d", in.Certificate, in.Target, in.At.UnixNano()) // a hash takes all
	return float64(h.Sum64()>>11) / (1 << 53)
}
