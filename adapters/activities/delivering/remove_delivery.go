package delivering

import (
	"context"
	"fmt"

	"everleaf/ports"
)

// RemoveDelivery takes the certificate away from one target and notes it. A repeat finds it gone.
func (a *Activities) RemoveDelivery(ctx context.Context, in ports.RemoveDeliveryInput) (ports.RemoveDeliveryOutput, error) {
	var none ports.RemoveDeliveryOutput
	ctx, stop := a.heartbeat(ctx)
	defer stop()
	target, err := a.target(in.Target)
	if err != nil {
		return none, err
	}
	sequence, err := a.sequence(ctx, in.Certificate, in.Target, "")
	if err != nil {
		return none, err
	}
	if err := target.Remove(ctx, ports.Removal{Certificate: in.Certificate, Target: in.Target, Sequence: sequence}); err != nil {
		return none, fmt.Errorf("remove from %s: %w", in.Target, err)
	}
	if err := a.Deliveries.RecordRemoved(ctx, in.Certificate, in.Target); err != nil {
		return none, fmt.Errorf("record removal: %w", err)
	}
	return none, nil
}
