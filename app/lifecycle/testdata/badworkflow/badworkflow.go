// Package badworkflow breaks the rules for workflows on purpose. `make check` runs workflowcheck on it and fails unless
// both offences against determinism are found, and the test of the fence around package domain fails unless each use of
// policy is: a checker that went blind on a new Go version must not look like clean code.
package badworkflow

import (
	"time"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
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

// Policy calls functions and methods of package domain, one of them without a call in sight.
func Policy(_ workflow.Context, err error) bool {
	transient := (*domain.Fault).Transient
	return domain.AsFault(err).Error() == "" || transient(&domain.Fault{Kind: domain.FaultCA})
}
