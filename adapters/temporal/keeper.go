package temporal

import (
	"context"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	// queryTimeout bounds a query. A worker answers in milliseconds, but not while it runs a local activity: then the
	// query waits for the workflow task's heartbeat, due after 8 s. The SDK gives a call half of its context's time.
	queryTimeout = 20 * time.Second
	// resendPause is the pause before an update is sent again under the same ID.
	resendPause = time.Second
)

// Keeper speaks the contract of ports/contract.go to the workflows. It holds no state and is safe for concurrent use.
type Keeper struct {
	client client.Client
	config Config
}

var _ ports.Keeper = (*Keeper)(nil)

// NewKeeper makes a keeper for the workflows of config's task queue. The client stays the caller's to close.
func NewKeeper(c client.Client, config Config) *Keeper { return &Keeper{client: c, config: config} }

// Ensure implements ports.Keeper. It checks name and spec before anything is sent, and waits as long as ctx lets it:
// for a worker to start, for one that restarts, for the CA. An outage of the server that lasts more than a minute
// ends the wait with a Wait fault "TemporalUnreachable". The workflow goes on in every case.
func (k *Keeper) Ensure(ctx context.Context, name string, spec domain.Spec) (domain.Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return domain.Status{}, err
	}
	spec, err := spec.Validated()
	if err != nil {
		return domain.Status{}, err
	}
	update := k.update(name, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
	return k.await(ctx, name, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		// A start operation serves one call, so each try makes its own.
		start := k.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID:        ports.WorkflowID(name),
			TaskQueue: k.config.TaskQueue,
			// The running workflow is used if there is one; one that was terminated is followed by a new one.
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:            "certificate " + name,
		}, ports.CertificateWorkflow, domain.Certificate{Spec: spec})
		return k.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start,
			UpdateOptions:          update,
		})
	})
}

// Renew implements ports.Keeper. It waits as Ensure does.
func (k *Keeper) Renew(ctx context.Context, name, note string) (domain.Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return domain.Status{}, err
	}
	update := k.update(name, ports.RenewUpdate, ports.RenewRequest{Note: note})
	return k.await(ctx, name, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		return k.client.UpdateWorkflow(ctx, update)
	})
}

// Revoke implements ports.Keeper. It waits as Ensure does.
func (k *Keeper) Revoke(ctx context.Context, name string, reason domain.RevocationReason, note string) (domain.Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return domain.Status{}, err
	}
	if _, err := reason.Code(); err != nil {
		return domain.Status{}, err
	}
	update := k.update(name, ports.RevokeUpdate, ports.RevokeRequest{Reason: reason, Note: note})
	return k.await(ctx, name, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		return k.client.UpdateWorkflow(ctx, update)
	})
}

// Status implements ports.Keeper. It answers within queryTimeout at the latest; without a worker, with a Wait fault
// "NoWorker" that names the task queue, and with "NoAnswer" where workers have been seen but did not answer. A
// workflow that has ended answers queries too, as if it still kept its certificate: it is a Spec fault "NotKept".
func (k *Keeper) Status(ctx context.Context, name string) (domain.Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return domain.Status{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var found domain.Status
	answer, err := k.query(bounded, name)
	// The run may end between the server's look at which is the latest and its query: the next run answers then.
	for err == nil && answer.QueryRejected.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		answer, err = k.query(bounded, name)
	}
	if err == nil && answer.QueryRejected != nil {
		return domain.Status{}, notKept(name, answer.QueryRejected.GetStatus())
	}
	if err == nil {
		err = answer.QueryResult.Get(&found)
	}
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return domain.Status{}, ctx.Err()
	case transient(err):
		return domain.Status{}, ended(ctx, k.whyNoAnswer(ctx))
	default:
		return domain.Status{}, interpret(err, name, k.config)
	}
}

func (k *Keeper) query(ctx context.Context, name string) (*client.QueryWorkflowWithOptionsResponse, error) {
	return k.client.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID:           ports.WorkflowID(name), // and no run: the latest
		QueryType:            ports.StatusQuery,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
}

// whyNoAnswer tells a server that is gone from one that waited for a worker in vain.
func (k *Keeper) whyNoAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	queue, err := k.client.DescribeTaskQueue(ctx, k.config.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	switch {
	case err != nil:
		return unreachable(k.config, err)
	case len(queue.GetPollers()) > 0: // in the last five minutes
		return domain.NewFault(domain.FaultWait, "NoAnswer", nil,
			"the workers of task queue %q did not answer in time; they are busy or have just stopped: ask again", k.config.TaskQueue)
	default:
		return noWorker(k.config, nil)
	}
}

func (k *Keeper) update(name, update string, request any) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{
		// One ID for all tries: the server takes a repeated one for the same update.
		UpdateID:     uuid.NewString(),
		WorkflowID:   ports.WorkflowID(name),
		UpdateName:   update,
		Args:         []any{request},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
}

// await sends the update, again and again under its ID while the server or the way to it only stumbles (a long
// poll's deadline, a restart, a run that ended between its acceptance and its answer), until it has an answer.
func (k *Keeper) await(ctx context.Context, name string, send func(context.Context) (client.WorkflowUpdateHandle, error)) (domain.Status, error) {
	if err := probe(ctx, k.client, k.config); err != nil {
		return domain.Status{}, ended(ctx, err)
	}
	for {
		var answer domain.Status
		handle, err := send(ctx)
		if err == nil {
			err = handle.Get(ctx, &answer)
		}
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil || !transient(err) && !interrupted(err) {
			return domain.Status{}, ended(ctx, interpret(err, name, k.config))
		}
		// The SDK has tried for a minute already; is the server there at all?
		if err := probe(ctx, k.client, k.config); err != nil {
			return domain.Status{}, ended(ctx, err)
		}
		select {
		case <-ctx.Done():
			return domain.Status{}, ctx.Err()
		case <-time.After(resendPause):
		}
	}
}

// ended prefers the caller's own end to whatever error it caused.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
