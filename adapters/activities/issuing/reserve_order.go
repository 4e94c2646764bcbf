package issuing

import (
	"context"

	"everleaf/domain"
	"everleaf/ports"
)

// ReserveOrder reads the record and has the policy decide whether a certificate has to be obtained.
func (a *Activities) ReserveOrder(ctx context.Context, in ports.ReserveOrderInput) (ports.ReserveOrderOutput, error) {
	record, err := a.read(ctx, in.Certificate)
	if err != nil {
		return ports.ReserveOrderOutput{}, err
	}
	out := ports.ReserveOrderOutput{
		Record: record, NewKey: domain.NewKeyNeeded(record),
		Tenant: domain.FairnessKey(in.Spec), Priority: domain.Priority(in.At, record, in.Want),
	}
	out.Needed, out.Replaces = domain.Needed(in.At, record, in.Spec, in.Want)
	return out, nil
}
