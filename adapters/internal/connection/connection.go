package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"everleaf/domain"
)

// ProbeTimeout bounds one look whether the server is there.
const ProbeTimeout = 5 * time.Second

// Target is the server as messages name it. Empty fields are not known and left out.
type Target struct {
	Address   string
	Namespace string
	// TaskQueue is where the workers poll; never empty.
	TaskQueue string
}

// String is "Temporal at ADDRESS".
func (t Target) String() string {
	if t.Address == "" {
		return "Temporal"
	}
	return "Temporal at " + t.Address
}

// Place is where the workflows are, as messages name it.
func (t Target) Place() string {
	switch {
	case t.Namespace == "":
		return "this client's namespace"
	case t.Address == "":
		return t.namespace()
	default:
		return t.namespace() + " at " + t.Address
	}
}

func (t Target) namespace() string {
	if t.Namespace == "" {
		return "namespace of this client's name"
	}
	return fmt.Sprintf("namespace %q", t.Namespace)
}

// Probe looks once, for ProbeTimeout at most. It asks about the task queue, since that goes to the namespace that the
// client itself knows. Faults: Wait "TemporalUnreachable"; Operator "UnknownNamespace" and "TemporalRefused".
func Probe(ctx context.Context, c client.Client, target Target) error {
	ctx, cancel := context.WithTimeout(ctx, ProbeTimeout)
	defer cancel()
	_, err := c.DescribeTaskQueue(ctx, target.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	return Reached(err, target)
}

// Reached interprets the error of a call that is about nothing but the server: what it does not know, it takes for a
// server out of reach.
func Reached(err error, target Target) error {
	if err == nil {
		return nil
	}
	if fault := Interpret(err, target); fault != nil {
		return fault
	}
	return Unreachable(target, err)
}

// Interpret finds what err says about the connection: nil if it says nothing about that.
func Interpret(err error, target Target) *domain.Fault {
	var missing *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return UnknownNamespace(target, err)
	// which has no type of its own in serviceerror
	case errors.As(err, &denied), status.Code(err) == codes.Unauthenticated:
		return Refused(target, err)
	case Transient(err):
		return Unreachable(target, err)
	default:
		return nil
	}
}

// UnknownNamespace is the fault of a server without the namespace.
func UnknownNamespace(target Target, cause error) *domain.Fault {
	return domain.NewFault(domain.FaultOperator, domain.ReasonUnknownNamespace, cause,
		"%s has no %s; create it, or correct TEMPORAL_NAMESPACE (--temporal-namespace)", target, target.namespace())
}

// Refused is the fault of credentials that the server does not take.
func Refused(target Target, cause error) *domain.Fault {
	return domain.NewFault(domain.FaultOperator, domain.ReasonTemporalRefused, cause,
		"%s refuses these credentials for %s; check TEMPORAL_API_KEY and TEMPORAL_TLS_*", target, target.namespace())
}

// Unreachable is the fault of a server that does not answer.
func Unreachable(target Target, cause error) *domain.Fault {
	at := ""
	if target.Address != "" {
		at = " at " + target.Address
	}
	return domain.NewFault(domain.FaultWait, domain.ReasonTemporalUnreachable, cause,
		"Temporal does not answer%s; is it running, and is TEMPORAL_ADDRESS (--temporal-address) right?", at)
}

// Transient reports whether the server, or the way to it, was not there just now.
func Transient(err error) bool {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	var canceled *serviceerror.Canceled
	var update *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var exhausted *serviceerror.ResourceExhausted // the server takes ten updates at once for a workflow
	return errors.As(err, &unavailable) || errors.As(err, &deadline) || errors.As(err, &canceled) ||
		errors.As(err, &update) || errors.As(err, &exhausted) || errors.Is(err, context.DeadlineExceeded) ||
		status.Code(err) == codes.Unavailable || status.Code(err) == codes.DeadlineExceeded
}
