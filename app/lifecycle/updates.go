package lifecycle

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// handle joins the contract's updates and query to this run.
func (c *certificate) handle(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, ports.EnsureUpdate, c.ensure, workflow.UpdateHandlerOptions{
		Validator:   validateEnsure,
		Description: "Start or change the certificate; answers when issued or with a problem",
	})
	if err != nil {
		return fmt.Errorf("set update handler %s: %w", ports.EnsureUpdate, err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, ports.RenewUpdate, c.renew, workflow.UpdateHandlerOptions{
		Description: "Replace the certificate now; answers when issued or with a problem",
	})
	if err != nil {
		return fmt.Errorf("set update handler %s: %w", ports.RenewUpdate, err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, ports.RevokeUpdate, c.revoke, workflow.UpdateHandlerOptions{
		Validator:   validateRevoke,
		Description: "Replace the certificate, then revoke the one in service; answers when done or with a problem",
	})
	if err != nil {
		return fmt.Errorf("set update handler %s: %w", ports.RevokeUpdate, err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, ports.RetireUpdate, c.giveUp, workflow.UpdateHandlerOptions{
		Description: "Give the certificate up: end its workflow, keep what is stored; answers when done or with a problem",
	})
	if err != nil {
		return fmt.Errorf("set update handler %s: %w", ports.RetireUpdate, err)
	}
	err = workflow.SetQueryHandlerWithOptions(ctx, ports.StatusQuery, func() (domain.Status, error) {
		return c.status(), nil
	}, workflow.QueryHandlerOptions{Description: "Where the certificate is"})
	if err != nil {
		return fmt.Errorf("set query handler %s: %w", ports.StatusQuery, err)
	}
	return nil
}

// validateEnsure refuses a bad spec before it enters the history. Validators do not run on replay, so rules that
// grow with the public suffix list are safe here and not in the workflow's own code.
func validateEnsure(request ports.EnsureRequest) error {
	if _, err := request.Spec.Validated(); err != nil {
		return problem(*domain.AsFault(err))
	}
	return nil
}

func (c *certificate) ensure(ctx workflow.Context, request ports.EnsureRequest) (domain.Status, error) {
	changes := c.change(ctx, request.Spec)
	status, err := c.settled(ctx)
	status.Changes = changes
	return status, err
}

func (c *certificate) renew(ctx workflow.Context, request ports.RenewRequest) (domain.Status, error) {
	if c.state.Retiring {
		return domain.Status{}, c.givenUp()
	}
	if request.Force && c.state.Failure != nil {
		c.state.Failure.RetryAt, c.forced = workflow.Now(ctx), true
	}
	if c.state.Issued != nil || c.state.Failure != nil {
		c.wake()
	}
	return c.settled(ctx)
}

func (c *certificate) wake() { c.state.Reissue, c.woken = true, true }

// patience is through how many failed attempts a caller waits. Without a bound, a CA that asks for one short wait after
// the other would keep its callers for ever, and they the run from ending, until its history is too long to go on.
const patience = 3

// settled waits until there is something to tell: the certificate is in service, or a problem stands that the caller
// would wait long for.
func (c *certificate) settled(ctx workflow.Context) (domain.Status, error) {
	since := c.failed
	err := workflow.Await(ctx, func() bool {
		patient := c.failed-since < patience && !workflow.GetInfo(ctx).GetContinueAsNewSuggested()
		return !c.unsettled(workflow.Now(ctx), patient)
	})
	if err != nil {
		return domain.Status{}, err
	}
	if failure := c.state.Failure; failure != nil {
		return domain.Status{}, standing(*failure)
	}
	if c.state.Retiring {
		return domain.Status{}, c.givenUp()
	}
	return c.status(), nil
}

// standing is the problem that a failure is for a caller.
func standing(failure domain.Failure) error {
	fault := failure.Fault
	fault.Message = fmt.Sprintf("%s (next try at %s)", fault.Message, failure.RetryAt.Format(time.RFC3339))
	return problem(fault)
}

// unsettled says that an attempt is at work or about to be, so that there is nothing to tell yet. A renewal that has
// come due does not count: the certificate is in service, and the run waits for its callers before it goes on.
func (c *certificate) unsettled(now time.Time, patient bool) bool {
	switch failure := c.state.Failure; {
	case c.issuing:
		return true
	case c.state.Retiring: // nothing is obtained any more
		return false
	case failure != nil:
		at, _ := c.state.Wake(now)
		return patient && !failure.TellCaller() || !at.After(now)
	default:
		return c.state.Issued == nil || c.state.Reissue
	}
}

// problem is how a fault reaches a caller: the kind is the error's type, the fault its first detail.
func problem(fault domain.Fault) error {
	return temporal.NewApplicationErrorWithOptions(fault.Message, string(fault.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{fault},
	})
}
