package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

func TestOptionsOfSteps(t *testing.T) {
	w := newWorld(t)
	w.tenant = "team"
	w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{})
	w.lives(delivered, 2*day)
	for _, options := range w.options {
		require.Equal(t, 15*time.Second, options.HeartbeatTimeout)
		require.True(t, options.WaitForCancellation)
		require.Zero(t, options.RetryPolicy.MaximumAttempts)
		require.NotEmpty(t, options.Summary)
		require.Equal(t, "team", options.Priority.FairnessKey)
	}
	obtain, deliver, revoke := w.options[0], w.optionsOn("everleaf-delivery"), w.options[len(w.options)-1]
	require.Equal(t, "everleaf-authorization", obtain.TaskQueue)
	require.Equal(t, 10*time.Minute, obtain.StartToCloseTimeout)
	require.Equal(t, 24*time.Hour, obtain.ScheduleToCloseTimeout, "CAs may take hours")
	require.Equal(t, 90*time.Second, deliver.StartToCloseTimeout)
	require.Equal(t, 3*time.Minute, deliver.ScheduleToCloseTimeout)
	require.Equal(t, "deliver to a target lb", deliver.Summary)
	require.Equal(t, "everleaf-authorization", revoke.TaskQueue)
	require.Equal(t, 10*time.Minute, revoke.StartToCloseTimeout)
	require.Equal(t, 30*time.Minute, revoke.ScheduleToCloseTimeout)
	require.Equal(t, 1, revoke.Priority.PriorityKey)
}

func TestPriority(t *testing.T) {
	for title, c := range map[string]struct {
		policy int
		asked  bool
		want   int
	}{
		"a renewal":               {3, false, 3},
		"a caller waits":          {3, true, 2},
		"urgent by policy":        {1, false, 1},
		"urgent, and awaited":     {1, true, 1},
		"what has time":           {5, false, 5},
		"what has time, awaited":  {5, true, 2},
		"the policy says nothing": {0, false, 3},
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			w.priority = c.policy
			if c.asked {
				w.ask(0, ports.EnsureUpdate, ports.EnsureRequest{Spec: delivered})
			}
			w.lives(delivered, time.Hour)
			require.Equal(t, c.want, w.options[0].Priority.PriorityKey)
			require.Equal(t, c.want, w.optionsOn("everleaf-delivery").Priority.PriorityKey)
		})
	}
}

// A longer fairness key than Temporal takes would fail the workflow's task for ever.
func TestLongTenantIsDropped(t *testing.T) {
	for key, want := range map[string]string{strings.Repeat("t", 64): strings.Repeat("t", 64),
		strings.Repeat("ä", 33): ""} {
		w := newWorld(t)
		w.tenant = key
		w.lives(spec, time.Hour)
		require.Equal(t, want, w.options[0].Priority.FairnessKey)
	}
}

// Postgres that hangs holds a workflow's task for less than a second, which a query waits for; then it is asked by an
// activity.
func TestPostgresHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.SetTestTimeout(time.Minute)
	hangs := make(chan struct{})
	var status domain.Status
	w.meanwhile[ports.ReserveOrder.Name] = func() {
		switch len(w.inputs[ports.ReserveOrder.Name]) {
		case 1:
			<-hangs
		case 2:
			w.inLoop(func() { status = w.status() })
		}
	}
	t.Cleanup(func() { close(hangs) })
	w.lives(spec, 30*time.Second)
	require.Equal(t, domain.PhaseIssuing, status.Phase)
	require.Less(t, localOptions.ScheduleToCloseTimeout, time.Second)
	require.Equal(t, ports.AuthorizationTaskQueue(ports.TaskQueue), w.options[0].TaskQueue)
	require.Empty(t, inputsOf(w, ports.RecordFailure))
	require.NotNil(t, w.record.Issued)
}

// The run stays open where the activity is not answered either.
func TestPostgresHangsOn(t *testing.T) {
	w := newWorld(t)
	late := domain.NewFault(domain.FaultWait, domain.ReasonStepTimedOut, nil, "the step did not finish in time")
	w.failures[ports.ReserveOrder.Name] = []error{late, late}
	w.lives(spec, time.Hour)
	fault := inputsOf(w, ports.RecordFailure)[0].Fault
	require.Equal(t, domain.ReasonDatabaseUnavailable, fault.Reason)
	require.Equal(t, "Postgres did not answer within 30 s", fault.Message)
	require.NotNil(t, w.record.Issued)
}

// A local step that fails at once is tried once more, and then it is the machine's affair.
func TestLocalStepIsTriedTwice(t *testing.T) {
	w := newWorld(t)
	crash := temporal.NewApplicationError("connection reset", "crash")
	w.failures[ports.ReserveOrder.Name] = []error{crash, crash, crash}
	w.lives(spec, 5*time.Minute)
	require.Len(t, inputsOf(w, ports.RecordFailure), 1)
	require.Len(t, inputsOf(w, ports.ReserveOrder), 4)
	require.Equal(t, "connection reset", inputsOf(w, ports.RecordFailure)[0].Fault.Message)
}
