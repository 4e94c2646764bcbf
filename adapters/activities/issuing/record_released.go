package issuing

import (
	"context"
	"fmt"

	"everleaf/ports"
)

// RecordReleased notes that the certificate's workflow ends, and removes what HTTP challenges an attempt left.
func (a *Activities) RecordReleased(ctx context.Context,
	in ports.RecordReleasedInput) (ports.RecordReleasedOutput, error) {
	record, err := a.Certificates.RecordReleased(ctx, in.Certificate, in.At, in.Cancelled)
	if err != nil {
		return ports.RecordReleasedOutput{}, fmt.Errorf("record release: %w", err)
	}
	return ports.RecordReleasedOutput{Record: readBy(ctx, record)}, nil
}
