package temporal

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"everleaf/domain"
)

// interpret is the one gate from the server's errors to faults. name is the certificate that the call was about.
func interpret(err error, name string, config Config) error {
	var application *temporal.ApplicationError
	var notFound *serviceerror.NotFound
	var namespace *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	var query *serviceerror.QueryFailed
	var precondition *serviceerror.FailedPrecondition
	var notReady *serviceerror.WorkflowNotReady
	switch {
	case err == nil:
		return nil
	case errors.As(err, &application):
		return carried(application)
	case errors.As(err, &namespace):
		return unknownNamespace(config, err)
	case errors.As(err, &notFound):
		return domain.NewFault(domain.FaultSpec, "UnknownCertificate", nil,
			"certificate %q is not kept here: namespace %q at %s has no running workflow for it; `everleaf cert ensure` starts one",
			name, config.Client.Namespace, config.Client.HostPort)
	case errors.As(err, &denied), unauthenticated(err):
		return refused(config, err)
	case errors.As(err, &query):
		return domain.NewFault(domain.FaultOperator, "QueryFailed", err,
			"the workflow of certificate %q did not answer", name)
	case errors.As(err, &precondition):
		// "no poller seen for task queue recently": what a query meets without a worker.
		return noWorker(config, nil)
	case errors.As(err, &notReady):
		return domain.NewFault(domain.FaultWait, "WorkflowNotReady", err,
			"the workflow of certificate %q makes no progress; the worker's log says why", name)
	case transient(err):
		return unreachable(config, err)
	default:
		return domain.NewFault(domain.FaultOperator, "TemporalError", err,
			"Temporal at %s refused the call about certificate %q", config.Client.HostPort, name)
	}
}

// carried takes a fault out of the application error that the workflow or an activity put it in (Details).
func carried(application *temporal.ApplicationError) error {
	fault := &domain.Fault{}
	if application.HasDetails() && application.Details(fault) == nil && fault.Kind != "" {
		return fault
	}
	return domain.NewFault(domain.FaultOperator, "Unexpected", nil, "the workflow failed with %s: %s",
		application.Type(), application.Message())
}

// transient says whether the server, or the way to it, was not there just now.
func transient(err error) bool {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	var canceled *serviceerror.Canceled
	var update *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var exhausted *serviceerror.ResourceExhausted // the server takes ten updates at once for a workflow
	return errors.As(err, &unavailable) || errors.As(err, &deadline) || errors.As(err, &canceled) ||
		errors.As(err, &update) || errors.As(err, &exhausted) || errors.Is(err, context.DeadlineExceeded) ||
		status.Code(err) == codes.Unavailable || status.Code(err) == codes.DeadlineExceeded
}

// interrupted says whether an update's run ended, or its task failed, between the update's arrival and its answer.
// The same update may simply be sent again: it meets the next run.
func interrupted(err error) bool {
	var notReady *serviceerror.WorkflowNotReady
	var application *temporal.ApplicationError
	return errors.As(err, &notReady) ||
		errors.As(err, &application) && application.Type() == "AcceptedUpdateCompletedWorkflow"
}

// unauthenticated has no type of its own in serviceerror: it stays a gRPC status.
func unauthenticated(err error) bool { return status.Code(err) == codes.Unauthenticated }

func unreachable(config Config, cause error) error {
	return domain.NewFault(domain.FaultWait, "TemporalUnreachable", cause,
		"Temporal does not answer at %s; is it running, and is TEMPORAL_ADDRESS (--temporal-address) right?",
		config.Client.HostPort)
}

func unknownNamespace(config Config, cause error) error {
	return domain.NewFault(domain.FaultOperator, "UnknownNamespace", cause,
		"Temporal at %s has no namespace %q; create it, or correct TEMPORAL_NAMESPACE (--temporal-namespace)",
		config.Client.HostPort, config.Client.Namespace)
}

func refused(config Config, cause error) error {
	return domain.NewFault(domain.FaultOperator, "TemporalRefused", cause,
		"Temporal at %s refuses these credentials for namespace %q; check TEMPORAL_API_KEY and TEMPORAL_TLS_*",
		config.Client.HostPort, config.Client.Namespace)
}

// endings says of a workflow how it ended.
var endings = map[enumspb.WorkflowExecutionStatus]string{
	enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: "is terminated",
	enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:   "is cancelled",
	enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:     "has failed",
	enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  "has timed out",
	enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:  "has completed",
}

func notKept(name string, status enumspb.WorkflowExecutionStatus) error {
	ending, ok := endings[status]
	if !ok {
		ending = "is closed"
	}
	return domain.NewFault(domain.FaultSpec, "NotKept", nil,
		"certificate %q: its workflow %s, so nobody renews it; `everleaf cert ensure` starts it again", name, ending)
}

// PollFault says why polling ended for good, for the error that a worker's onFatal hears. Faults, all the operator's:
// "UnknownNamespace" and "WorkerFailed".
func PollFault(err error, config Config) error {
	var namespace *serviceerror.NamespaceNotFound
	if errors.As(err, &namespace) {
		return unknownNamespace(config, err)
	}
	return domain.NewFault(domain.FaultOperator, "WorkerFailed", err, "Temporal at %s ends the worker's polls for good",
		config.Client.HostPort)
}

func noWorker(config Config, cause error) error {
	return domain.NewFault(domain.FaultWait, "NoWorker", cause,
		"no worker answers on task queue %q of namespace %q at %s; start one with `everleaf worker`",
		config.TaskQueue, config.Client.Namespace, config.Client.HostPort)
}
