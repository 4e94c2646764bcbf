package activities

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

// leftRevoking are the revocations that an earlier workflow of this certificate has left; they are tried again at once, and
// wait anew for the targets that there are now.
func (a *Activities) leftRevoking(ctx context.Context, certificate string) ([]domain.Revocation, error) {
	pending, err := a.Certificates.Revoking(ctx, certificate)
	if err != nil {
		return nil, fmt.Errorf("find pending revocations: %w", err)
	}
	for i := range pending {
		pending[i].Failure, pending[i].After = nil, time.Time{}
	}
	return pending, nil
}
