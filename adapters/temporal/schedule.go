package temporal

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

// catchUp is how late a sweep may begin after an outage of the server: the next one comes soon enough.
const catchUp = time.Minute

// ScheduleSweeps has the fleet's sweep begin every interval, or brings the schedule that is there up to date: its
// interval and what it starts, not whether somebody has paused it. Idempotent, also with others at the same time.
// permitted is false if the server does not let us. Faults: Wait "TemporalUnreachable", Operator "UnknownNamespace" and
// "ScheduleRefused".
func ScheduleSweeps(ctx context.Context, c client.Client, config Config,
	interval time.Duration) (permitted bool, err error) {
	id := ports.SweepID(config.TaskQueue)
	want := sweepSchedule(config, interval)
	_, err = c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: *want.Spec, Action: want.Action, Overlap: want.Policy.Overlap,
		CatchupWindow: want.Policy.CatchupWindow,
	})
	if errors.Is(err, sdk.ErrScheduleAlreadyRunning) {
		err = c.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(found client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				there := found.Description.Schedule
				if same(there, want) {
					return nil, sdk.ErrSkipScheduleUpdate
				}
				there.Spec, there.Action, there.Policy = want.Spec, want.Action, want.Policy
				return &client.ScheduleUpdate{Schedule: &there}, nil
			},
		})
	}
	var denied *serviceerror.PermissionDenied
	var unimplemented *serviceerror.Unimplemented
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &denied), errors.As(err, &unimplemented):
		return false, nil
	}
	if fault := connection.Interpret(err, config.Target()); fault != nil {
		return false, fault
	}
	return false, domain.NewFault(domain.FaultOperator, domain.ReasonScheduleRefused, err,
		"%s does not take the schedule %q, which looks after the fleet; correct --sweep-interval "+
			"(EVERLEAF_SWEEP_INTERVAL), or set it to 0 and make the schedule yourself",
		config.Target(), id)
}

// sweepSchedule lets no two sweeps overlap, and has those of several installations part.
func sweepSchedule(config Config, interval time.Duration) client.Schedule {
	return client.Schedule{
		Spec: &client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: interval}}, Jitter: interval / 10},
		Action: &client.ScheduleWorkflowAction{
			ID: ports.SweepID(config.TaskQueue), Workflow: ports.SweepWorkflow, Args: []any{ports.SweepState{}},
			TaskQueue:     config.TaskQueue,
			StaticSummary: "look after the whole fleet",
		},
		Policy: &client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp},
	}
}

// same reports whether the schedule that is there does as we want. The server writes a spec out in full, so it is
// compared by what we say in it.
func same(there, want client.Schedule) bool {
	action, ok := there.Action.(*client.ScheduleWorkflowAction)
	wanted := want.Action.(*client.ScheduleWorkflowAction)
	return ok && action.Workflow == wanted.Workflow && action.TaskQueue == wanted.TaskQueue && action.ID == wanted.ID &&
		there.Spec != nil && len(there.Spec.Intervals) == 1 && there.Spec.Intervals[0] == want.Spec.Intervals[0] &&
		there.Spec.Jitter == want.Spec.Jitter && len(there.Spec.Calendars)+len(there.Spec.CronExpressions) == 0 &&
		there.Policy != nil && there.Policy.Overlap == want.Policy.Overlap &&
		there.Policy.CatchupWindow == want.Policy.CatchupWindow
}
