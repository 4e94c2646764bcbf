package sweep

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// priorities asserts that each step of a sweep has the lowest priority: certificates come first. The test environment
// does not hand a step its priority, so it is read where the workflow asks for the step.
type priorities struct {
	interceptor.WorkerInterceptorBase
	t *testing.T
}

func (p *priorities) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &prioritiesIn{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, t: p.t}
}

type prioritiesIn struct {
	interceptor.WorkflowInboundInterceptorBase
	t *testing.T
}

func (p *prioritiesIn) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return p.Next.Init(&prioritiesOut{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, t: p.t})
}

type prioritiesOut struct {
	interceptor.WorkflowOutboundInterceptorBase
	t *testing.T
}

//workflowcheck:ignore // of a test
func (p *prioritiesOut) ExecuteActivity(ctx workflow.Context, step string, args ...any) workflow.Future {
	assert.Equal(p.t, 5, workflow.GetActivityOptions(ctx).Priority.PriorityKey, step)
	return p.Next.ExecuteActivity(ctx, step, args...)
}
