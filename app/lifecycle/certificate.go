package lifecycle

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/internal/fault"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// machineGate records under which version of the machine a run began. Its name and numbers are in recorded histories.
const machineGate = "machine"

// Certificate keeps one certificate in service. A caller starts it with ID "certificate/<name>" and ports.StartInput;
// what a run continues with is a lifecycle.State. It ends only when it is retired, cancelled or terminated, and fails
// only if its first input can never be carried out.
//
// The input is taken raw: if the SDK failed to decode it, the workflow would fail for good.
func Certificate(ctx workflow.Context, input converter.RawValue) error {
	r, err := setUp(ctx, input)
	if err != nil {
		return err
	}
	return r.run(ctx)
}

// run is one run of the workflow.
type run struct {
	machine *lifecycle.Machine
	// id is the run's ID. first is that of the first of those that continued as one another, or were reset, up to this
	// one; with an update's ID it is the ID of a request: after a reset, the updates of a run and of those that it
	// continued as are applied again, and what they asked for is recorded already.
	id, first string
	// isReset reports whether the run was made by a reset of another.
	isReset bool
	// queue is the workflows' task queue, after which the others are named.
	queue string
	// handOvers counts the decisions to hand over to a run that begins under this build's version.
	handOvers int
	// callers are the updates that are not answered yet, oldest first.
	callers []*caller
	// woken reports whether the machine has changed since it was asked for the next action.
	woken bool
	// alarm is the timer that runs, nil if there is none.
	alarm *alarm
}

func setUp(ctx workflow.Context, input converter.RawValue) (*run, error) {
	info := workflow.GetInfo(ctx)
	name, ok := ports.CertificateName(info.WorkflowExecution.ID)
	if !ok {
		return nil, fault.Error(domain.Fault{Kind: domain.FaultSpec, Reason: domain.ReasonWorkflowID, Final: true,
			Message: fmt.Sprintf("workflow ID %q: a %s workflow's ID must be %s<name>",
				info.WorkflowExecution.ID, ports.CertificateWorkflow, ports.WorkflowIDPrefix)})
	}
	r := &run{id: info.WorkflowExecution.RunID, first: info.FirstRunID, queue: info.TaskQueueName,
		isReset: info.WorkflowExecution.RunID != info.OriginalRunID}
	began := int(workflow.GetVersion(ctx, machineGate, 1, lifecycle.Version))
	refusal := startOptionsFault(info)
	payload, continued := input.Payload().GetData(), info.ContinuedExecutionRunID != ""
	state, err := lifecycle.Decode(payload, continued) //workflowcheck:ignore // JSON: the same each time
	switch {
	case refusal != nil || errors.As(err, &refusal):
		r.machine = lifecycle.Refuse(name, *refusal)
	case err != nil:
		// The task fails and is tried again; the run stays open and loses nothing.
		panic(fmt.Sprintf("certificate %q: %v. Deploy the build that wrote the state, or a newer one; the workflow then "+
			"goes on", name, err))
	default:
		r.machine = lifecycle.New(name, state, began, info.OriginalRunID+"/start", info.WorkflowStartTime.UTC())
	}
	return r, r.handle(ctx)
}

// startOptionsFault refuses options of a start that do not suit a workflow that lives for years. A retry policy is
// harmless: nothing that a certificate's workflow fails with is retried.
func startOptionsFault(info *workflow.Info) *domain.Fault {
	var option string
	switch {
	case info.CronSchedule != "":
		option = "a cron schedule would start it again after its end"
	case info.WorkflowRunTimeout > 0 || info.WorkflowExecutionTimeout > 0:
		option = "a time-out would end it while its certificate is in service"
	default:
		return nil
	}
	return &domain.Fault{Kind: domain.FaultSpec, Reason: domain.ReasonStartOptions, Final: true,
		Message: "start options: " + option + "; start it without"}
}

func now(ctx workflow.Context) time.Time { return workflow.Now(ctx).UTC() }
