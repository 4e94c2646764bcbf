package lifecycle

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/ports"
)

// Register makes the workflow known to a worker under its contract name. With worker versioning on, a Certificate moves
// to the current build at its next workflow task: it sleeps for weeks, and pinned it would keep every old build running
// that long. Without versioning the choice has no effect.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Certificate, workflow.RegisterOptions{
		Name: ports.CertificateWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}
