package nexus

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities"
	"everleaf/adapters/caller"
	"everleaf/domain"
	"everleaf/ports"
)

// Steps carry requests from a Nexus operation's workflow to the certificate's.
type Steps struct{ keeper *caller.Client }

// NewSteps makes the steps over keeper, a client of the worker's own namespace.
func NewSteps(keeper *caller.Client) *Steps { return &Steps{keeper: keeper} }

// Register makes the service and the steps known to a worker. The workflow is app/nexus's to register.
func Register(w worker.Registry, keeper *caller.Client) {
	if s, ok := w.(activities.Summarizer); ok {
		s.Summarize(ports.NexusService, "Ensure, Renew, Revoke, Retire and Status for callers in other namespaces")
	}
	w.RegisterNexusService(NewService(keeper))
	s := NewSteps(keeper)
	activities.RegisterWith(w, ports.LocateCertificate, s.LocateCertificate, classify)
	activities.RegisterWith(w, ports.CarryRequest, s.CarryRequest, classify)
}

// LocateCertificate implements the step ports.LocateCertificate. Without a run, the request starts one.
func (s *Steps) LocateCertificate(ctx context.Context,
	in ports.LocateCertificateInput) (ports.LocateCertificateOutput, error) {
	run, err := caller.LocateOrStart(ctx, s.keeper, in.Certificate)
	return ports.LocateCertificateOutput{Run: run}, err
}

// unnamed is a caller through Nexus who does not say who asks.
const unnamed = "a caller through Nexus"

var errStopping = errors.New("this worker stops; another waits on")

// CarryRequest implements the step ports.CarryRequest. It ends as soon as its worker is to stop: there is nothing to
// finish here, and another worker waits on.
func (s *Steps) CarryRequest(ctx context.Context, in ports.CarryRequestInput) (ports.CarryRequestOutput, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go endWithWorker(ctx, stop)
	ctx, beating := activities.Beat(ctx, activities.Heartbeat, struct{}{})
	defer beating.Stop()
	request := in.Request
	keeper := s.keeper.As(unnamed).Repeat(caller.Request{ID: request.ID, Run: in.Run})
	var out ports.CarryRequestOutput
	var err error
	switch {
	case request.Operation == ports.NexusEnsureOperation && request.Ensure != nil:
		out.Status, err = keeper.EnsureWith(ctx, request.Certificate, *request.Ensure)
	case request.Operation == ports.NexusRenewOperation && request.Renew != nil:
		out.Status, err = keeper.Renew(ctx, request.Certificate, *request.Renew)
	case request.Operation == ports.NexusRevokeOperation && request.Revoke != nil:
		out.Status, err = keeper.Revoke(ctx, request.Certificate, *request.Revoke)
	case request.Operation == ports.NexusRetireOperation && request.Retire != nil:
		out.Status, err = keeper.Retire(ctx, request.Certificate, *request.Retire)
	default:
		err = domain.NewFault(domain.FaultOperator, domain.ReasonUnknownOperation, nil,
			"operation %q is not known to this worker; is it older than the one that took the request?",
			request.Operation)
	}
	if errors.Is(context.Cause(ctx), errStopping) && err != nil {
		err = errStopping
	}
	return out, err
}

// endWithWorker ends ctx when the worker is to stop.
func endWithWorker(ctx context.Context, stop context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
	case <-activity.GetWorkerStopChannel(ctx):
		stop(errStopping)
	}
}

// classify is the gate through which a step's error reaches Temporal. What is no answer is asked again in place, for as
// long as the operation may last; an answer, good or bad, is final as it is. The gate of the other steps is not fit for
// that: it ends after some tries, and tries an answer again whose fault is transient.
func classify(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errStopping):
		// At once and without a pause: it is nobody's failure, and counted and logged as none.
		return temporal.NewApplicationErrorWithOptions(err.Error(), "WorkerStopping", temporal.ApplicationErrorOptions{
			NextRetryDelay: time.Millisecond, Category: temporal.ApplicationErrorCategoryBenign,
		})
	case ctx.Err() != nil:
		return err // cancelled or timed out: Temporal knows which
	}
	fault := domain.AsFault(err)
	return failure(fault, !domain.Unanswered(fault) || fault.Reason == domain.ReasonRunEnded)
}
