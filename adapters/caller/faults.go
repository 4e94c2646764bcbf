package caller

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

// interpret is the one gate from the server's errors to faults. name is the certificate that the call was about.
func (c *Client) interpret(err error, name string) error {
	var fault *domain.Fault
	var application *temporal.ApplicationError
	var missing *serviceerror.NamespaceNotFound
	var notFound *serviceerror.NotFound
	var query *serviceerror.QueryFailed
	var notReady *serviceerror.WorkflowNotReady
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &application):
		return workflowFault(application)
	case errors.As(err, &notFound) && !errors.As(err, &missing):
		return c.unknownCertificateFault(name)
	case errors.As(err, &query):
		return domain.NewFault(domain.FaultOperator, domain.ReasonQueryFailed, err,
			"the workflow of certificate %q did not answer", name)
	case unpolled(err):
		return c.noWorkerFault(name, c.target.TaskQueue)
	case errors.As(err, &notReady):
		return domain.NewFault(domain.FaultWait, domain.ReasonWorkflowNotReady, err,
			"the workflow of certificate %q makes no progress; the worker's log says why", name)
	case unsearchable(err):
		return c.attributesMissingFault(err)
	}
	if fault = connection.Interpret(err, c.target); fault != nil {
		return fault
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonTemporalError, err,
		"%s refused the call about certificate %q", c.target, name)
}

// workflowFault takes a fault out of the application error that the workflow or an activity put it in (Details).
func workflowFault(application *temporal.ApplicationError) error {
	fault := &domain.Fault{}
	if application.HasDetails() && application.Details(fault) == nil && fault.Kind != "" {
		return fault
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonUnexpected, nil, "the workflow failed with %s: %s",
		application.Type(), application.Message())
}

// endings are words for how a workflow ended.
var endings = map[enumspb.WorkflowExecutionStatus]string{
	enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: "is terminated",
	enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:   "is cancelled",
	enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:     "has failed",
	enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  "has timed out",
}

// whyEnded says how a certificate's workflow ended. It fails only where it refused what it was started with: then
// nothing is kept under the name, as far as Temporal knows.
func (c *Client) whyEnded(ctx context.Context, name string, status enumspb.WorkflowExecutionStatus,
	info *workflowpb.WorkflowExecutionInfo) error {
	if status == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED {
		run := c.temporal.GetWorkflow(ctx, ports.WorkflowID(name), info.GetExecution().GetRunId())
		err := run.GetWithOptions(ctx, nil, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
		var application *temporal.ApplicationError
		refusal := &domain.Fault{}
		if errors.As(err, &application) && application.HasDetails() && application.Details(refusal) == nil &&
			refusal.Kind != "" {
			return refusedFault(name, refusal, info)
		}
	}
	return endedFault(name, status, info)
}

func refusedFault(name string, refusal *domain.Fault, info *workflowpb.WorkflowExecutionInfo) error {
	at := ""
	if closed := info.GetCloseTime(); closed.IsValid() {
		at = " at " + closed.AsTime().Format(time.RFC3339)
	}
	return domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil,
		"no workflow keeps a certificate %q: the last request for it was refused%s: %s (%s/%s); correct that and ask again "+
			"with `everleaf cert ensure`", name, at, refusal.Message, refusal.Kind, refusal.Reason)
}

// endedFault says how its workflow ended, and when if info, which may be nil, knows.
func endedFault(name string, status enumspb.WorkflowExecutionStatus, info *workflowpb.WorkflowExecutionInfo) error {
	since := ""
	if closed := info.GetCloseTime(); closed.IsValid() {
		since = " since " + closed.AsTime().Format(time.RFC3339)
	}
	if status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		return domain.NewFault(domain.FaultSpec, domain.ReasonWorkflowEnded, nil,
			"certificate %q is retired%s, so nobody renews it; `everleaf cert explain %s` shows what happened, and "+
				"`everleaf cert ensure %s` keeps it again", name, since, name, name)
	}
	ending, ok := endings[status]
	if !ok {
		ending = "is closed"
	}
	ending += since
	return domain.NewFault(domain.FaultSpec, domain.ReasonWorkflowEnded, nil,
		"certificate %q: its workflow %s, so nobody renews it; `everleaf cert explain %s` shows what happened, and "+
			"`everleaf cert ensure` starts it again",
		name, ending, name)
}

func (c *Client) unknownCertificateFault(name string) error {
	return domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil,
		"certificate %q is not kept here: %s has no running workflow for it; Ensure (`everleaf cert ensure`) starts one",
		name, c.target.Place())
}

// unpolled reports whether a query met a queue without a worker: "no poller seen for task queue recently".
func unpolled(err error) bool {
	var precondition *serviceerror.FailedPrecondition
	return errors.As(err, &precondition)
}

func runEndedFault(name string, cause error) error {
	return domain.NewFault(domain.FaultWait, domain.ReasonRunEnded, cause,
		"the run of certificate %q's workflow ended before the request was carried out; ask the next one", name)
}

// cutShortFault is the answer to a request that a lost workflow had taken. Another run would take it for a new one.
func cutShortFault(name string) error {
	return domain.NewFault(domain.FaultSpec, domain.ReasonWorkflowEnded, nil,
		"certificate %q: its workflow was ended from outside after it had taken the request, so some of it may be done; "+
			"look at `everleaf cert explain %s`, and ask again for what is missing", name, name)
}
