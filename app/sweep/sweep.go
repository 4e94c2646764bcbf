package sweep

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"everleaf/app/internal/fault"
	"everleaf/ports"
)

// Sweep looks after the whole fleet once. Its parts run side by side, and one that fails stops no other: its rest is
// the next sweep's.
func Sweep(ctx workflow.Context, state ports.SweepState) (ports.SweepResult, error) {
	s := setup(ctx, state)
	return s.run(ctx)
}

// sweep is one run of the workflow; state is all that it hands on.
type sweep struct {
	state ports.SweepState
	// base is the queue after which the others are named.
	base string
}

func setup(ctx workflow.Context, state ports.SweepState) *sweep {
	return &sweep{state: state, base: workflow.GetInfo(ctx).TaskQueueName}
}

func (s *sweep) run(ctx workflow.Context) (ports.SweepResult, error) {
	if err := s.begin(ctx); err != nil {
		return ports.SweepResult{}, err
	}
	parts := []func(workflow.Context){s.renewals, s.secrets}
	for i := range s.state.Hosts {
		parts = append(parts, func(ctx workflow.Context) { s.deliveries(ctx, &s.state.Hosts[i]) })
	}
	if s.state.Records != nil {
		parts = append(parts, s.records)
	}
	all := workflow.NewWaitGroup(ctx)
	for _, part := range parts {
		all.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer all.Done()
			part(ctx)
		})
	}
	all.Wait(ctx)
	if ctx.Err() != nil {
		return s.state.Result, ctx.Err()
	}
	if !s.done() {
		return ports.SweepResult{}, workflow.NewContinueAsNewError(ctx, ports.SweepWorkflow, s.state)
	}
	workflow.GetLogger(ctx).Info("sweep finished", "asked", s.state.Result.Asked, "failed", s.state.Result.Failed,
		"moved",
		s.state.Result.Moved,
		"checked", s.state.Result.Checked, "drifted", s.state.Result.Drifted, "resealed", s.state.Result.Resealed,
		"cleaned",
		s.state.Result.Cleaned)
	return s.state.Result, nil
}

// begin finds what there is to do; where there is nothing, this is all that a sweep costs.
func (s *sweep) begin(ctx workflow.Context) error {
	if s.state.Begun {
		return nil
	}
	found, err := remote(ctx, ports.AuthorizationTaskQueue(s.base), ports.BeginSweep, ports.BeginSweepInput{}, shortly)
	if err != nil {
		return err
	}
	s.state.Begun, s.state.Renewals.Done, s.state.Secrets.Done = true, found.Renewals == 0, found.Secrets == 0
	if found.Records > 0 {
		s.state.Records = &ports.PageState{}
	}
	for _, host := range found.Hosts {
		s.state.Hosts = append(s.state.Hosts, ports.SweepHost{Host: host})
	}
	return nil
}

func (s *sweep) renewals(ctx workflow.Context) {
	at, result := &s.state.Renewals, &s.state.Result
	for !at.Done && !s.full(ctx) {
		out, err := remote(ctx, ports.AuthorizationTaskQueue(s.base), ports.SweepRenewals,
			ports.SweepRenewalsInput{After: at.After})
		if err != nil {
			at.Done = s.problem(ctx, "renewals", fault.Of(err).Message)
			return
		}
		*at = out.Page
		result.Asked, result.Failed, result.Moved = result.Asked+out.Asked, result.Failed+out.Failed, result.Moved+
			out.Moved
	}
}

func (s *sweep) deliveries(ctx workflow.Context, at *ports.SweepHost) {
	result := &s.state.Result
	for !at.Done && !s.full(ctx) {
		out, err := remote(ctx, ports.DeliveryTaskQueue(s.base, at.Host), ports.SweepDeliveries,
			ports.SweepDeliveriesInput{Host: at.Host, After: at.After}, ifThere)
		if err != nil {
			at.Done = s.problem(ctx, fmt.Sprintf("deliveries to host %q", at.Host), fault.Of(err).Message)
			return
		}
		at.After, at.Done = out.After, out.Done
		result.Checked, result.Drifted = result.Checked+out.Checked, result.Drifted+out.Drifted
	}
}

func (s *sweep) secrets(ctx workflow.Context) {
	at, result := &s.state.Secrets, &s.state.Result
	for !at.Done && !s.full(ctx) {
		out, err := remote(ctx, ports.AuthorizationTaskQueue(s.base), ports.ResealSecrets,
			ports.ResealSecretsInput{After: at.After})
		if err != nil {
			at.Done = s.problem(ctx, "secrets", fault.Of(err).Message)
			return
		}
		*at = out.Page
		result.Resealed, result.Unsealable = result.Resealed+out.Resealed, result.Unsealable+out.Failed
	}
}

func (s *sweep) records(ctx workflow.Context) {
	at, result, failed := s.state.Records, &s.state.Result, 0
	for !at.Done && !s.full(ctx) {
		out, err := remote(ctx, ports.AuthorizationTaskQueue(s.base), ports.SweepRecords,
			ports.SweepRecordsInput{After: at.After})
		if err != nil {
			at.Done = s.problem(ctx, "DNS records", fault.Of(err).Message)
			break
		}
		*at = out.Page
		result.Cleaned, failed = result.Cleaned+out.Cleaned, failed+out.Failed
	}
	if failed > 0 {
		s.problem(ctx, "DNS records", fmt.Sprintf("those of %d orders could not be removed; the workers' log says why",
			failed))
	}
}

// problem notes why a part ends early, and reports whether the part is done: it is.
func (s *sweep) problem(ctx workflow.Context, part, why string) (done bool) {
	workflow.GetLogger(ctx).Warn("a part of the sweep ends early; the next sweep goes on with it",
		"part", part, "why", why)
	s.state.Result.Problems = append(s.state.Result.Problems, part+": "+why)
	return true
}

// full reports whether the history is long enough: the next run goes on at the pages where this one was.
func (s *sweep) full(ctx workflow.Context) bool {
	return ctx.Err() != nil || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

func (s *sweep) done() bool {
	for _, host := range s.state.Hosts {
		if !host.Done {
			return false
		}
	}
	return s.state.Renewals.Done && s.state.Secrets.Done && (s.state.Records == nil || s.state.Records.Done)
}
