package activities

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/servertest"
	"everleaf/domain"
	"everleaf/ports"
)

// On a real server, a step that is parked many times goes on from what each try saved, and costs the history no event.
func TestParkedTriesGoOnAtTheServer(t *testing.T) {
	const parks = 3
	c, err := client.Dial(client.Options{HostPort: servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"), Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	step := ports.Step[string, int]{Name: "step"}
	queue := uuid.NewString()
	w := worker.New(c, queue, worker.Options{})
	Register(w, step, func(ctx context.Context, _ string) (int, error) {
		at := Resumed[int](ctx)
		_, beat := Beat(ctx, Heartbeat, at)
		defer beat.Stop()
		if at == parks {
			return at, nil
		}
		beat.Reached(at + 1)
		beat.Save(ctx)
		return 0, Parked(time.Millisecond, domain.NewFault(domain.FaultCA, domain.ReasonOrderStuck, nil,
			"the CA works on it"))
	})
	w.RegisterWorkflow(parking)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: queue}, parking)
	require.NoError(t, err)
	var tries int
	require.NoError(t, run.Get(ctx, &tries))
	require.Equal(t, parks, tries)
	events := 0
	for history := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); events++ {
		_, err := history.Next()
		require.NoError(t, err)
	}
	require.Equal(t, 11, events)
}

func parking(ctx workflow.Context) (tries int, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second, ScheduleToCloseTimeout: time.Minute, HeartbeatTimeout: 10 * time.Second})
	err = workflow.ExecuteActivity(ctx, "step", "").Get(ctx, &tries)
	return tries, err
}

// quiet logs nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
