package nexus

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/internal/fault"
	"everleaf/domain"
	"everleaf/ports"
)

// A look at the server. Without it nothing can be asked, so it goes on as long as the operation may.
var locating = workflow.LocalActivityOptions{
	StartToCloseTimeout: 30 * time.Second,
	RetryPolicy: &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
	},
}

// The wait for an issuance, as long as that takes, through restarts of this worker and of the certificate's. The
// heartbeat detects a killed worker within seconds. The caller's own timeout, where he has one, ends the whole
// workflow.
var carrying = workflow.ActivityOptions{
	StartToCloseTimeout: 24 * time.Hour, ScheduleToCloseTimeout: 24 * time.Hour, HeartbeatTimeout: 15 * time.Second,
	RetryPolicy: &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
	},
}

// Register makes the workflow known to a worker under its contract name. With worker versioning on, it moves to the
// current build: it is short, but its caller waits, and pinned it would be blocked where the old build's workers go
// before it is done.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Request, workflow.RegisterOptions{
		Name: ports.NexusWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}

// runs is through how many runs of the certificate's workflow a request is carried. A run that is asked in its last
// moment ends without having seen the request; to meet that twice in a row takes bad luck, more often a fault.
const runs = 5

// Request carries one Nexus operation. The run that is asked is in this history before the request leaves, so that a
// repeat after a crash meets the same run, which knows whether it has seen the request: nothing is done twice. If it is
// cancelled, the certificate's workflow goes on: only the wait ends.
func Request(ctx workflow.Context, request ports.NexusRequest) (domain.Status, error) {
	for try := 1; ; try++ {
		in := ports.CarryRequestInput{Request: request}
		if request.Operation != ports.NexusEnsureOperation { // Ensure starts what is not there, and twice is once
			run, err := locate(ctx, request.Certificate)
			if err != nil {
				return domain.Status{}, callersError(err)
			}
			in.Run = run
		}
		status, err := carry(ctx, in)
		if err == nil || try == runs || fault.Of(err).Reason != domain.ReasonRunEnded {
			return status, callersError(err)
		}
	}
}

func locate(ctx workflow.Context, certificate string) (string, error) {
	var out ports.LocateCertificateOutput
	options := locating
	options.Summary = ports.LocateCertificate.Summary
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, options), ports.LocateCertificate.Name,
		ports.LocateCertificateInput{Certificate: certificate}).Get(ctx, &out)
	return out.Run, err
}

func carry(ctx workflow.Context, in ports.CarryRequestInput) (domain.Status, error) {
	var out ports.CarryRequestOutput
	options := carrying
	options.Summary = ports.CarryRequest.Summary
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), ports.CarryRequest.Name, in).Get(ctx,
		&out)
	return out.Status, err
}

// callersError is how an error reaches the caller: the fault's kind is its type, the fault its first detail.
func callersError(err error) error {
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	problem := fault.Of(err)
	if problem.Reason == domain.ReasonStepTimedOut {
		problem.Reason, problem.Message = domain.ReasonNoAnswer,
			"the certificate's workflow did not answer in time; it goes on"
	}
	return fault.Error(problem)
}
