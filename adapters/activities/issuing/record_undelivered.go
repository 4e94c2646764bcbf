package issuing

import (
	"context"
	"fmt"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordUndelivered decides when a failed delivery is tried again and makes it readable in Postgres. The failure's own
// instant counts, not the clock's: told again, it is the same failure.
func (a *Activities) RecordUndelivered(ctx context.Context, in ports.RecordUndeliveredInput) (ports.RecordUndeliveredOutput, error) {
	failure := domain.Decide(in.Failure.At, in.Previous, &in.Failure.Fault, in.Failure.Step, in.Issued, a.Dice.Fraction())
	if err := a.Deliveries.RecordUndelivered(ctx, in.Certificate, in.Target, in.Version, failure); err != nil {
		return ports.RecordUndeliveredOutput{}, fmt.Errorf("record failed delivery: %w", err)
	}
	a.Observer.DeliveryFailed(ctx, in.Target, failure.Fault)
	return ports.RecordUndeliveredOutput{Failure: &failure}, nil
}
