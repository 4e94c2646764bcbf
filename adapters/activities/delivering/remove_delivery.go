package delivering

import (
	"context"
	"fmt"

	"everleaf/ports"
)

// RemoveDelivery clears one target and records it. From before the target is contacted, nothing is known to be
// there. A repeat finds it gone.
func (a *Activities) RemoveDelivery(ctx context.Context,
	in ports.RemoveDeliveryInput) (none ports.RemoveDeliveryOutput, err error) {
	ctx, end := beat(ctx, in.Target)
	defer func() { end(err) }()
	target, err := a.target(ctx, in.Target)
	if err != nil {
		return none, err
	}
	number := func() (int64, error) { return a.Deliveries.BeginRemoval(ctx, request(ctx, in.Certificate, in.Target)) }
	sequence, err := number()
	if err != nil {
		return none, fmt.Errorf("begin the removal: %w", err)
	}
	if err := target.Remove(ctx, ports.Removal{Certificate: in.Certificate, Target: in.Target,
		Sequence: sequence}); err != nil {
		return none, fmt.Errorf("remove from %s: %w", in.Target, aheadFault(err, in.Target, number))
	}
	if err := a.Deliveries.RecordRemoved(ctx, in.Certificate, in.Target, sequence); err != nil {
		return none, fmt.Errorf("record the removal: %w", err)
	}
	return none, nil
}
