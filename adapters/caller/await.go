package caller

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
)

// resendPause is the pause before an update is sent again under the same ID.
const resendPause = time.Second

// lookBefore is how long before its end a wait looks whether anybody polls the task queue: a look has that time.
const lookBefore = connection.ProbeTimeout

// await sends the update, again and again under its ID while the server or the way to it only stumbles (a long poll's
// deadline, a restart, a run that ended between its acceptance and its answer), until it has an answer. An update that
// is pinned to its run ends with that: in a Wait fault "RunEnded", if it was not carried out.
func (c *Client) await(ctx context.Context, name string, pinned bool,
	send func(context.Context) (client.WorkflowUpdateHandle, error)) (status Status, err error) {
	unpolled := c.lookForWorkers(ctx, name)
	defer func() { err = unpolled(err) }()
	if err := connection.Probe(ctx, c.temporal, c.target); err != nil {
		return Status{}, ended(ctx, err)
	}
	for {
		var answer Status
		handle, err := send(ctx)
		if err == nil {
			err = handle.Get(ctx, &answer)
		}
		if err == nil {
			return answer, nil
		}
		switch {
		case pinned && (unseen(err) || dropped(err)):
			return Status{}, ended(ctx, runEndedFault(name, err))
		case over(ctx) || !connection.Transient(err) && !notReady(err) && !dropped(err) && !crowded(err):
			return Status{}, ended(ctx, c.interpret(err, name))
		}
		// The SDK has tried for a minute already; is the server there at all?
		if err := connection.Probe(ctx, c.temporal, c.target); err != nil {
			return Status{}, ended(ctx, err)
		}
		select {
		case <-ctx.Done():
			return Status{}, ctx.Err()
		case <-time.After(resendPause):
		}
	}
}

// lookForWorkers looks shortly before the wait's end, if it has one, whether anybody polls the task queue. The function
// that it returns ends that, and says so of an error that is the caller's own deadline: a Wait fault "NoWorker" that
// wraps it.
func (c *Client) lookForWorkers(ctx context.Context, name string) func(error) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return func(err error) error { return err }
	}
	looking, cancel := context.WithCancel(ctx)
	found := make(chan error, 1)
	left := time.Until(deadline)
	look := time.AfterFunc(left-min(left/2, lookBefore), func() {
		_, err := c.CheckQueue(looking, name)
		found <- err
	})
	return func(err error) error {
		look.Stop()
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		select {
		case seen := <-found:
			if fault := (*domain.Fault)(nil); errors.As(seen, &fault) && fault.Reason == domain.ReasonNoWorker {
				return domain.NewFault(fault.Kind, fault.Reason, err, "%s", fault.Message)
			}
		default:
		}
		return err
	}
}

// notReady reports whether the task with the update failed: the same update may simply be sent again.
func notReady(err error) bool {
	var notReady *serviceerror.WorkflowNotReady
	return errors.As(err, &notReady)
}

// crowded reports whether too many others wait for the certificate: it is asked again, and has its turn.
func crowded(err error) bool {
	var answer *temporal.ApplicationError
	return errors.As(err, &answer) && domain.AsFault(workflowFault(answer)).Reason == domain.ReasonTooManyCallers
}

// unseen reports whether the run has ended and knows nothing of the update.
func unseen(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// dropped reports whether the run ended between the update's acceptance and its answer.
func dropped(err error) bool {
	var application *temporal.ApplicationError
	return errors.As(err, &application) && application.Type() == "AcceptedUpdateCompletedWorkflow"
}
