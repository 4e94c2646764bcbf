package caller

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

// Request is one request's identity, for a service that may crash and ask again: kept with the service's own state and
// handed to Repeat, it makes the second call the same request as the first.
type Request struct {
	// ID is the Temporal update's ID: any text that no other request has.
	ID string `json:"id"`
	// Run is the workflow run that the request is for; see Locate. Ensure needs none: it is idempotent as it is.
	Run string `json:"run,omitempty"`
}

// Locate finds the run that a request made now would be for. An unknown name is a Spec fault "UnknownCertificate", one
// whose workflow has ended "WorkflowEnded". Renew, Revoke and Retire may work all the same, for a workflow that is lost.
func (c *Client) Locate(ctx context.Context, name string) (run string, err error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return "", err
	}
	run, _, err = c.locate(ctx, name)
	return run, err
}

// LocateOrStart is c.Locate for a Renew, Revoke or Retire: run is empty if there is none and the request would start
// one. It is for steps that carry a request (adapters/nexus), and no method, since callers need only Locate.
func LocateOrStart(ctx context.Context, c *Client, name string) (run string, err error) {
	return c.locateOrStart(ctx, name)
}

func (c *Client) locateOrStart(ctx context.Context, name string) (run string, err error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return "", err
	}
	run, lost, err := c.locate(ctx, name)
	if lost {
		return "", nil
	}
	return run, err
}

// locate also reports whether the workflow is lost: there is none, or it was terminated, has failed or timed out. It
// could not record that it ends, so that the certificate may be kept by what is stored. err is set as well.
func (c *Client) locate(ctx context.Context, name string) (run string, lost bool, err error) {
	info, err := c.describe(ctx, ports.WorkflowID(name), "")
	if err != nil {
		err = ended(ctx, c.interpret(err, name))
		return "", domain.AsFault(err).Reason == domain.ReasonUnknownCertificate, err
	}
	switch status := info.GetStatus(); status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return info.GetExecution().GetRunId(), false, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "", false, endedFault(name, status, info)
	default:
		return "", true, c.whyEnded(ctx, name, status, info)
	}
}

// Repeat returns a client that makes the one request, however often it is called: the server remembers it by its ID. A
// run that ended without having seen the request is a Wait fault "RunEnded": Locate the next one and repeat with that.
func (c *Client) Repeat(request Request) Certificates {
	repeating := *c
	repeating.request = request
	return &repeating
}

// Ensure implements ports.Keeper. It checks name and spec before anything is sent, and waits as long as ctx lets it:
// for a worker to start, for one that restarts, for the CA. An outage of the server that lasts more than a minute
// ends the wait with a Wait fault "TemporalUnreachable". The workflow goes on in every case.
func (c *Client) Ensure(ctx context.Context, name string, spec Spec) (Status, error) {
	return c.EnsureWith(ctx, name, EnsureRequest{Spec: spec})
}

// EnsureWith implements ports.Editor. It waits as Ensure does.
func (c *Client) EnsureWith(ctx context.Context, name string, request EnsureRequest) (Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return Status{}, err
	}
	spec, err := request.Spec.Validated()
	if err != nil {
		return Status{}, err
	}
	request.Spec, request.Caller = spec, cmp.Or(request.Caller, c.caller)
	if request.DryRun { // it changes nothing, so it may go to whichever run there is
		return c.ask(ctx, name, ports.EnsureUpdate, request, c.Locate)
	}
	update := c.update(name, ports.EnsureUpdate, request)
	return c.await(ctx, name, false, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		// A start operation serves one call, so each try makes its own.
		start := c.temporal.NewWithStartWorkflowOperation(c.start(name, spec), ports.CertificateWorkflow,
			ports.StartInput{Spec: spec, ExpectedGeneration: request.ExpectedGeneration, Caller: request.Caller})
		return c.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start,
			UpdateOptions:          update,
		})
	})
}

// Renew implements ports.Keeper. It waits as Ensure does. A workflow that is lost is started again, from what is
// stored; so it is by Revoke and Retire.
func (c *Client) Renew(ctx context.Context, name string, request RenewRequest) (Status, error) {
	if err := request.Check(); err != nil {
		return Status{}, err
	}
	request.Caller = cmp.Or(request.Caller, c.caller)
	return c.ask(ctx, name, ports.RenewUpdate, request, c.locateOrStart)
}

// Revoke implements ports.Keeper. It waits as Ensure does.
func (c *Client) Revoke(ctx context.Context, name string, request RevokeRequest) (Status, error) {
	if err := request.Check(); err != nil {
		return Status{}, err
	}
	request.Caller = cmp.Or(request.Caller, c.caller)
	return c.ask(ctx, name, ports.RevokeUpdate, request, c.locateOrStart)
}

// Retire implements ports.Keeper. It waits as Ensure does, and is idempotent: one that was retired or cancelled before
// is answered as such, by Temporal for as long as it remembers the workflow (the namespace's retention), and then by
// what is stored.
func (c *Client) Retire(ctx context.Context, name string, request RetireRequest) (Status, error) {
	if err := request.Check(); err != nil {
		return Status{}, err
	}
	request.Caller = cmp.Or(request.Caller, c.caller)
	status, err := c.ask(ctx, name, ports.RetireUpdate, request, c.locateOrStart)
	if err == nil || over(ctx) {
		return status, err
	}
	switch domain.AsFault(err).Reason {
	case domain.ReasonUnknownCertificate, domain.ReasonWorkflowEnded, domain.ReasonRunEnded:
		return c.retiredBefore(ctx, name, request, err)
	}
	return status, err
}

// ask sends an update of which a second copy would do harm. The server knows updates by their ID within a run only, so
// each goes to a certain run, which locate finds, and to the next one only if that has ended without it. Where locate
// finds none and no fault, the update comes with a start.
func (c *Client) ask(ctx context.Context, name, updateName string, argument any,
	locate func(context.Context, string) (string, error)) (Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return Status{}, err
	}
	update := c.update(name, updateName, argument)
	for {
		answer, err := c.await(ctx, name, true, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
			if update.RunID == "" {
				run, err := locate(ctx, name)
				switch {
				case err != nil:
					return nil, err
				case run == "":
					return c.sendWithStart(ctx, name, &update)
				}
				update.RunID = run
			}
			return c.sendPinned(ctx, update)
		})
		if err == nil || domain.AsFault(err).Reason != domain.ReasonRunEnded {
			return answer, err
		}
		if dropped(err) {
			if _, lost, why := c.locate(ctx, name); why != nil && (lost || over(ctx)) {
				return Status{}, ended(ctx, cutShortFault(name))
			}
		}
		if c.request.Run != "" {
			return answer, err
		}
		update.RunID = ""
	}
}

// sendWithStart starts the workflow from what is stored and sends it the update, which it hears before it does anything
// else. From there on, the update is for that run.
func (c *Client) sendWithStart(ctx context.Context, name string,
	update *client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	start := c.start(name, Spec{})
	start.TypedSearchAttributes = temporal.SearchAttributes{} // the workflow writes them when it knows them
	handle, err := c.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: c.temporal.NewWithStartWorkflowOperation(start, ports.CertificateWorkflow,
			ports.StartInput{Resume: true, Caller: c.caller}),
		UpdateOptions: *update,
	})
	if err == nil {
		update.RunID = handle.RunID()
	}
	return handle, err
}

func (c *Client) update(name, update string, argument any) client.UpdateWorkflowOptions {
	id := c.request.ID
	if id == "" {
		id = uuid.NewString()
	}
	return client.UpdateWorkflowOptions{
		// One ID for all tries: the server takes a repeated one for the same update.
		UpdateID:     id,
		WorkflowID:   ports.WorkflowID(name),
		RunID:        c.request.Run,
		UpdateName:   update,
		Args:         []any{argument},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
}
