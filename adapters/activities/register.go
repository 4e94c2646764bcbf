package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"everleaf/ports"
)

// Summarizer is a registry that also wants to know what each step does, in a few words.
type Summarizer interface{ Summarize(step, summary string) }

// Register joins a step's contract to its function, so that the compiler checks both, and classifies its errors.
func Register[In, Out any](r worker.ActivityRegistry, step ports.Step[In, Out],
	run func(context.Context, In) (Out, error)) {
	RegisterWith(r, step, run, classify)
}

// RegisterWith is Register for a step that is no part of a certificate's life, so that its errors are classified in
// another way.
func RegisterWith[In, Out any](r worker.ActivityRegistry, step ports.Step[In, Out],
	run func(context.Context, In) (Out, error), classify func(context.Context, error) error) {
	if s, ok := r.(Summarizer); ok {
		s.Summarize(step.Name, step.Summary)
	}
	r.RegisterActivityWithOptions(func(ctx context.Context, in In) (Out, error) {
		out, err := run(ctx, in)
		return out, classify(ctx, err)
	}, activity.RegisterOptions{Name: step.Name})
}
