package lifecycle

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/ports"
)

// Register makes the workflows known to a worker under their contract names.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Certificate, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
}
