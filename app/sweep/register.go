package sweep

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/ports"
)

// Register makes the workflow known to a worker under its contract name. With worker versioning on, a sweep moves to
// the current build: it lives for minutes, and the next one begins there anyway.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Sweep, workflow.RegisterOptions{
		Name: ports.SweepWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}
