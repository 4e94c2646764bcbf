package issuing

import (
	"context"
	"fmt"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordRevoking notes in Postgres what is to be revoked, so that it can be told, and is not lost with the workflow.
func (a *Activities) RecordRevoking(ctx context.Context, in ports.RecordRevokingInput) (ports.RecordRevokingOutput, error) {
	return ports.RecordRevokingOutput{}, a.recordRevoking(ctx, in.Revoking)
}

func (a *Activities) recordRevoking(ctx context.Context, pending []domain.Revocation) error {
	for _, revocation := range pending {
		err := a.Certificates.RecordRevoking(ctx, revocation)
		if err != nil && domain.AsFault(err).Reason != "UnknownVersion" { // of a Postgres that was restored: nothing to hold anyone up for
			return fmt.Errorf("record pending revocation: %w", err)
		}
	}
	return nil
}

// left is what earlier workflows of this certificate have left undone. Revocations are tried again at once, and wait anew
// for the targets that there are now; targets are cleared at once, too.
func (a *Activities) left(ctx context.Context, certificate string, out *ports.PlaceOrderOutput) error {
	left, err := a.Certificates.Left(ctx, certificate)
	if err != nil {
		return fmt.Errorf("find what was left undone: %w", err)
	}
	for i := range left.Revoking {
		left.Revoking[i].Failure, left.Revoking[i].After = nil, time.Time{}
	}
	for i := range left.Deliveries {
		left.Deliveries[i].Failure = nil
	}
	out.Revoking, out.Delivered = left.Revoking, left.Deliveries
	return nil
}
