package lifecycle

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/ports"
)

// Register makes the workflows known to a worker under their contract names. With worker versioning on, a Certificate
// moves to the current build at its next workflow task: it sleeps for weeks, and pinned it would keep every old build
// running that long. What the old build began, the version gates carry on. Without versioning the choice has no effect.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Certificate, workflow.RegisterOptions{
		Name: ports.CertificateWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}
