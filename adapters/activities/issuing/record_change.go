package issuing

import (
	"context"
	"fmt"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordChange notes what a caller changed. A spec that needs no new certificate is stored with it; any other is stored
// when its certificate is.
func (a *Activities) RecordChange(ctx context.Context, in ports.RecordChangeInput) (ports.RecordChangeOutput, error) {
	var spec *domain.Spec
	if !in.Reissue {
		validated, err := in.Spec.Validated()
		if err != nil {
			return ports.RecordChangeOutput{}, err
		}
		spec = &validated
	}
	if err := a.Certificates.RecordChange(ctx, in.Certificate, in.Changes, in.At, spec); err != nil {
		return ports.RecordChangeOutput{}, fmt.Errorf("record change: %w", err)
	}
	return ports.RecordChangeOutput{}, nil
}
