package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/internal/fault"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// handle joins the contract's updates and its query to this run. Validators refuse what is wrong in itself before it
// enters the history. They are not replayed, so they may call the policy.
func (r *run) handle(ctx workflow.Context) error {
	for _, update := range []struct {
		name, description  string
		handler, validator any
	}{
		{ports.EnsureUpdate, "Start or change the certificate; answers when issued or with a problem",
			decoded(r.ensure), room[ports.EnsureRequest](r)},
		{ports.RenewUpdate, "Replace the certificate now; answers when issued or with a problem",
			decoded(r.renew), room[ports.RenewRequest](r)},
		{ports.RevokeUpdate, "Replace the certificate, then revoke the one in service; answers when done or with a problem",
			decoded(r.revoke), check[ports.RevokeRequest]},
		{ports.RetireUpdate, "End the workflow, keep what is stored; answers when done or with a problem",
			decoded(r.retire), check[ports.RetireRequest]},
	} {
		err := workflow.SetUpdateHandlerWithOptions(ctx, update.name, update.handler,
			workflow.UpdateHandlerOptions{Validator: update.validator, Description: update.description})
		if err != nil {
			return fmt.Errorf("set update handler %s: %w", update.name, err)
		}
	}
	status := func() (domain.Status, error) { return r.machine.Status(r.id), nil }
	err := workflow.SetQueryHandlerWithOptions(ctx, ports.StatusQuery, status,
		workflow.QueryHandlerOptions{Description: "Where the certificate is"})
	if err != nil {
		return fmt.Errorf("set query handler %s: %w", ports.StatusQuery, err)
	}
	return nil
}

// maxCallers may wait for a certificate at a time. The server lets ten updates wait: with so many, there is room for
// who wants it revoked or retired.
const maxCallers = 8

// room is a check that refuses a caller for whom there is none.
func room[Request interface{ Check() error }](r *run) func(converter.RawValue) error {
	return func(argument converter.RawValue) error {
		if len(r.callers) < maxCallers {
			return check[Request](argument)
		}
		return fault.Error(domain.Fault{Kind: domain.FaultWait, Reason: domain.ReasonTooManyCallers,
			RetryAfter: 10 * time.Second,
			Message: fmt.Sprintf("certificate %q: %d callers wait for it already; ask again later", r.machine.Name,
				len(r.callers))})
	}
}

// check refuses an argument that says what this build does not understand, or what can never be carried out.
func check[Request interface{ Check() error }](argument converter.RawValue) error {
	request, refusal := lifecycle.Read[Request]("argument", said(argument)) //workflowcheck:ignore // not replayed
	if refusal != nil {
		return fault.Error(*refusal)
	}
	err := request.Check()
	if err == nil { // else the message names the field
		refusal = lifecycle.TooLarge("argument", said(argument))
	}
	if refusal != nil || errors.As(err, &refusal) {
		return fault.Error(*refusal)
	}
	return err
}

// decoded is a handler for a request. It is replayed, so it leaves what it does not know to the validator: a request
// that was accepted once stays so.
func decoded[Request any](handler func(workflow.Context, Request) (domain.Status, error)) func(workflow.Context,
	converter.RawValue) (domain.Status, error) {
	return func(ctx workflow.Context, argument converter.RawValue) (domain.Status, error) {
		var request Request
		err := json.Unmarshal(said(argument), &request) //workflowcheck:ignore // JSON: the same each time
		if err != nil {
			return domain.Status{}, fmt.Errorf("decode the argument: %w", err)
		}
		return handler(ctx, request)
	}
}

// said is an argument's JSON. None at all says nothing.
func said(argument converter.RawValue) []byte {
	if text := argument.Payload().GetData(); len(text) > 0 {
		return text
	}
	return []byte("{}")
}

func (r *run) ensure(ctx workflow.Context, request ports.EnsureRequest) (domain.Status, error) {
	return r.ask(ctx, domain.Request{Kind: domain.RequestEnsure, Spec: &request.Spec, Caller: request.Caller,
		ExpectedGeneration: request.ExpectedGeneration, DryRun: request.DryRun})
}

func (r *run) renew(ctx workflow.Context, request ports.RenewRequest) (domain.Status, error) {
	return r.ask(ctx, domain.Request{Kind: domain.RequestRenew, Note: request.Note, Caller: request.Caller,
		Force: request.Force})
}

func (r *run) revoke(ctx workflow.Context, request ports.RevokeRequest) (domain.Status, error) {
	return r.ask(ctx, domain.Request{
		Kind: domain.RequestRevoke, Note: request.Note, Caller: request.Caller, Reason: request.Reason,
		SignedBy: request.SignedBy, WithoutReplacement: request.WithoutReplacement,
	})
}

func (r *run) retire(ctx workflow.Context, request ports.RetireRequest) (domain.Status, error) {
	return r.ask(ctx, domain.Request{Kind: domain.RequestRetire, Note: request.Note, Caller: request.Caller,
		RemoveDeliveries: request.RemoveDeliveries})
}

// caller is an update that waits for its answer.
type caller struct {
	request  string
	answered bool
	status   domain.Status
	err      error
}

// ask hands the request to the machine and waits for its answer, also in a run that is cancelled meanwhile.
func (r *run) ask(ctx workflow.Context, request domain.Request) (domain.Status, error) {
	request.ID, request.At = r.first+"/"+workflow.GetCurrentUpdateInfo(ctx).ID, now(ctx)
	c := &caller{request: request.ID}
	r.callers = append(r.callers, c)
	r.machine.Ask(request)
	r.woken = true
	lasting, _ := workflow.NewDisconnectedContext(ctx)
	await(lasting, func() bool { return c.answered })
	return c.status, c.err
}

// answerCallers answers the callers that need not wait any more, and reports whether there was one. It is called when
// all that is due was begun.
func (r *run) answerCallers(ctx workflow.Context) bool {
	situation, waiting := r.situation(ctx), len(r.callers)
	r.callers = slices.DeleteFunc(r.callers, func(c *caller) bool {
		answer := r.machine.Answer(c.request, situation)
		if answer.Wait {
			return false
		}
		c.answered = true
		c.status, c.err = r.result(c.request, answer)
		r.machine.Forget(c.request)
		return true
	})
	return len(r.callers) < waiting
}

func (r *run) result(request string, answer lifecycle.Answer) (domain.Status, error) {
	switch {
	case answer.Fault != nil:
		return domain.Status{}, fault.Error(*answer.Fault)
	case answer.Failure != nil:
		standing := answer.Failure.Fault
		standing.Message = fmt.Sprintf("%s (next try at %s)", standing.Message, stamp(answer.Failure.RetryAt))
		return domain.Status{}, fault.Error(standing)
	}
	status := r.machine.Status(r.id)
	if ticket, ok := r.machine.Ticket(request); ok {
		status.Changes, status.Already, status.Revoked = ticket.Changes, ticket.Already, ticket.Serial
		status.DryRun, status.WouldIssue = ticket.Request.DryRun, ticket.WouldIssue
	}
	return status, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
