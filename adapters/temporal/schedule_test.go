package temporal

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"everleaf/domain"
	"everleaf/ports"
)

// Any number of workers may make the schedule; a new interval counts, and a pause stays.
func TestScheduleSweeps(t *testing.T) {
	t.Parallel()
	s := connect(t)
	s.config.TaskQueue = unique(t)
	ctx := bounded(t, time.Minute)
	handle := s.client.ScheduleClient().GetHandle(ctx, ports.SweepID(s.config.TaskQueue))
	t.Cleanup(func() { _ = handle.Delete(context.Background()) })
	described := func() *client.ScheduleDescription {
		d, err := handle.Describe(ctx)
		require.NoError(t, err)
		return d
	}
	ends := make(chan error, 4)
	for range cap(ends) {
		go func() {
			permitted, err := ScheduleSweeps(ctx, s.client, s.config, 10*time.Minute)
			if err == nil && !permitted {
				err = domain.NewFault(domain.FaultOperator, "NotPermitted", nil, "not permitted")
			}
			ends <- err
		}()
	}
	for range cap(ends) {
		require.NoError(t, <-ends)
	}
	made := described()
	action := made.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.Equal(t, []any{ports.SweepWorkflow, s.config.TaskQueue}, []any{action.Workflow, action.TaskQueue})
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, made.Schedule.Policy.Overlap)
	require.Equal(t, catchUp, made.Schedule.Policy.CatchupWindow)
	require.True(t, same(made.Schedule, sweepSchedule(s.config, 10*time.Minute)), "as the server writes it out: %+v",
		made.Schedule.Spec)

	require.NoError(t, handle.Pause(ctx, client.SchedulePauseOptions{Note: "by hand"}))
	updated := described().Info.LastUpdateAt
	_, err := ScheduleSweeps(ctx, s.client, s.config, 10*time.Minute)
	require.NoError(t, err)
	require.Equal(t, updated, described().Info.LastUpdateAt, "what is as it should be is left alone")
	_, err = ScheduleSweeps(ctx, s.client, s.config, time.Hour)
	require.NoError(t, err)
	now := described()
	require.Equal(t, time.Hour, now.Schedule.Spec.Intervals[0].Every)
	require.True(t, now.Schedule.State.Paused)
	require.Equal(t, "by hand", now.Schedule.State.Note)
}

// refusesSchedules is a server that does not let us.
type refusesSchedules struct {
	workflowservice.UnimplementedWorkflowServiceServer
	code codes.Code
}

func (r refusesSchedules) GetSystemInfo(context.Context,
	*workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (r refusesSchedules) CreateSchedule(context.Context,
	*workflowservice.CreateScheduleRequest) (*workflowservice.CreateScheduleResponse, error) {
	return nil, status.Error(r.code, "no schedules for you")
}

func (r refusesSchedules) SignalWorkflowExecution(context.Context,
	*workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	return nil, status.Error(r.code, "no signals for you")
}

func TestScheduleSweepsWithoutLeave(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]domain.Reason{codes.PermissionDenied: "", codes.Unimplemented: "",
		codes.InvalidArgument: "ScheduleRefused"} {
		s := dial(t, serve(t, refusesSchedules{code: code}), "default")
		permitted, err := ScheduleSweeps(bounded(t, 10*time.Second), s.client, s.config, time.Hour)
		require.False(t, permitted)
		if want == "" {
			require.NoError(t, err, code)
			continue
		}
		requireFault(t, err, domain.FaultOperator, want, "EVERLEAF_SWEEP_INTERVAL")
	}
	s := dial(t, closedPort(t), "default")
	_, err := ScheduleSweeps(bounded(t, time.Second), s.client, s.config, time.Hour)
	requireFault(t, err, domain.FaultWait, "TemporalUnreachable", s.config.Client.HostPort)
}
