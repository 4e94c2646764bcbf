package nexus

import (
	"context"
	"errors"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporalnexus"

	"everleaf/adapters/caller"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// NewService makes the Nexus service over keeper, which must be a client of the worker's own namespace.
func NewService(keeper *caller.Client) *nexus.Service {
	service := nexus.NewService(ports.NexusService)
	service.MustRegister(
		operation(ports.NexusEnsureOperation, func(in ports.NexusEnsure) (ports.NexusRequest, error) {
			spec, err := in.Spec.Validated()
			in.Spec = spec
			return ports.NexusRequest{Certificate: in.Name, Ensure: &in.EnsureRequest}, err
		}),
		operation(ports.NexusRenewOperation, func(in ports.NexusRenew) (ports.NexusRequest, error) {
			return ports.NexusRequest{Certificate: in.Name, Renew: &in.RenewRequest}, in.Check()
		}),
		operation(ports.NexusRevokeOperation, func(in ports.NexusRevoke) (ports.NexusRequest, error) {
			return ports.NexusRequest{Certificate: in.Name, Revoke: &in.RevokeRequest}, in.Check()
		}),
		operation(ports.NexusRetireOperation, func(in ports.NexusRetire) (ports.NexusRequest, error) {
			return ports.NexusRequest{Certificate: in.Name, Retire: &in.RetireRequest}, in.Check()
		}),
		nexus.NewSyncOperation(ports.NexusStatusOperation, status(keeper)),
	)
	return service
}

// read is the input of an operation, which it refuses where it says what this build does not understand.
func read[In any](input converter.RawValue) (In, error) {
	in, refusal := lifecycle.Read[In]("input", input.Payload().GetData())
	if refusal != nil {
		return in, refusal
	}
	return in, nil
}

// operation is one that a workflow carries. request refuses what can never work, before anything is started.
func operation[In any](name string, request func(In) (ports.NexusRequest, error)) nexus.RegisterableOperation {
	start := func(ctx context.Context, input converter.RawValue, options nexus.StartOperationOptions) (
		temporalnexus.WorkflowHandle[domain.Status], error) {
		in, err := read[In](input)
		if err != nil {
			return nil, refusal(err)
		}
		r, err := request(in)
		if err == nil {
			err = domain.ValidateCertificateName(r.Certificate)
		}
		if err != nil {
			return nil, refusal(err)
		}
		r.Operation, r.ID = name, options.RequestID
		return temporalnexus.ExecuteUntypedWorkflow[domain.Status](ctx, options, client.StartWorkflowOptions{
			ID: ports.NexusWorkflowID(name, r.Certificate, r.ID),
			// Nobody waits for it any longer than that.
			WorkflowExecutionTimeout: operationTimeout(options.Header),
			StaticSummary:            name + " " + r.Certificate,
		}, ports.NexusWorkflow, r)
	}
	type options = temporalnexus.WorkflowRunOperationOptions[converter.RawValue, domain.Status]
	return temporalnexus.MustNewWorkflowRunOperationWithOptions(options{Name: name, Handler: start})
}

// operationTimeout is what is left of the caller's own timeout, zero if he has none.
func operationTimeout(header nexus.Header) time.Duration {
	timeout, err := time.ParseDuration(header.Get(nexus.HeaderOperationTimeout))
	if err != nil || timeout < 0 {
		return 0
	}
	return timeout
}

// answering is left of a request's time to say that there was no answer.
const answering = time.Second

func status(keeper *caller.Client) func(context.Context, converter.RawValue,
	nexus.StartOperationOptions) (domain.Status, error) {
	return func(ctx context.Context, input converter.RawValue, _ nexus.StartOperationOptions) (domain.Status, error) {
		in, err := read[ports.NexusStatus](input)
		if err != nil {
			return domain.Status{}, refusal(err)
		}
		bounded := ctx
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			bounded, cancel = context.WithDeadline(ctx, deadline.Add(-answering))
			defer cancel()
		}
		found, err := keeper.Status(bounded, in.Name)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, context.DeadlineExceeded):
			err = domain.NewFault(domain.FaultWait, domain.ReasonNoAnswer, nil,
				"the workflow of certificate %q did not answer in time; its workers are busy or gone: ask again",
				in.Name)
		case ctx.Err() != nil:
			return domain.Status{}, ctx.Err()
		}
		return domain.Status{}, refusal(err)
	}
}
