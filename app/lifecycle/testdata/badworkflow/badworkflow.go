// Package badworkflow breaks determinism on purpose. `make check` runs workflowcheck on it and fails unless both
// offences are found: a checker that went blind on a new Go version must not look like clean code.
package badworkflow

import (
	"time"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Register is what makes the checker look: it knows workflows by their registration only.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflow(Clock)
	r.RegisterWorkflow(Order)
}

// Clock reads the machine's clock: each replay sees another time.
func Clock(ctx workflow.Context, deadline time.Time) (bool, error) {
	return expired(deadline), nil
}

// expired hides the offence one call deep, as in real life.
func expired(deadline time.Time) bool {
	return time.Now().After(deadline)
}

// Order starts activities in a map's order: each replay sees another order.
func Order(ctx workflow.Context, deliveries map[string]string) error {
	for target := range deliveries {
		if err := workflow.ExecuteActivity(ctx, "Deliver", target).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}
