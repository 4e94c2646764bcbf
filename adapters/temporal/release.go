package temporal

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
)

// Stop polls no more, lets what runs finish for the drain, then cancels the activities that are left with the cause
// worker.ErrWorkerShutdown, and returns when they have informed the server, so that another worker takes them at once.
// It takes drain and release together, or longer if a step does not heed its context: bound it.
//
// A local activity is never cancelled here: the SDK would record that as the step's outcome in the workflow's history.
// One that outlasts the drain is repeated elsewhere when its workflow task times out, 10 s after its last heartbeat.
func (w *Worker) Stop() {
	timer := time.AfterFunc(w.drain, func() { w.release(worker.ErrWorkerShutdown) })
	defer timer.Stop()
	w.Worker.Stop()
}

// releasing cancels activities by a context of ours. The SDK's own cancellation comes as its Stop returns: too late
// for anybody to hear what the activity says to it.
type releasing struct {
	interceptor.WorkerInterceptorBase
	released context.Context
}

func (r *releasing) InterceptActivity(_ context.Context,
	next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &releasingInbound{released: r.released}
	i.Next = next
	return i
}

type releasingInbound struct {
	interceptor.ActivityInboundInterceptorBase
	released context.Context
}

func (i *releasingInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if activity.GetInfo(ctx).IsLocalActivity {
		return i.Next.ExecuteActivity(ctx, in)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(i.released, func() { cancel(context.Cause(i.released)) })
	defer stop()
	return i.Next.ExecuteActivity(ctx, in)
}
