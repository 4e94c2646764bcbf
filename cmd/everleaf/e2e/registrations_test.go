package e2e

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// supported is how a worker that is asked for an unknown type names those that it knows.
var supported = regexp.MustCompile(`Supported types: \[([^\]]*)\]`)

// What --print-registrations prints is what the running workers themselves say they know, on each queue.
func TestPrintedRegistrationsAreWhatWorkersRun(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	printed, roles := map[string][]string{}, []string{}
	for _, line := range strings.Split(strings.TrimSpace(s.must("worker", "--print-registrations").stdout), "\n")[1:] {
		column := regexp.MustCompile(` {2,}`).Split(line, -1)
		roles = append(roles, column[0])
		printed[column[2]+" "+column[1]] = append(printed[column[2]+" "+column[1]], column[3])
	}
	s.run("--roles=" + strings.Join(roles, ","))
	asked := 0
	for key, names := range printed {
		kind, queue, _ := strings.Cut(key, " ")
		var said string
		switch kind {
		case "workflow":
			said = s.unknownWorkflow(queue)
		case "activity":
			said = s.unknownActivity(queue)
		default:
			continue // nobody polls for a local activity, and a Nexus service is asked for in its own test
		}
		asked++
		match := supported.FindStringSubmatch(said)
		require.NotNil(t, match, said)
		require.ElementsMatch(t, names, strings.Split(match[1], ", "), key)
	}
	require.GreaterOrEqual(t, asked, 3, printed)
}

// unknownWorkflow starts a workflow of a type that nobody knows and returns what its failed task says.
func (s *stack) unknownWorkflow(queue string) (said string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: s.name + "-unknown", TaskQueue: queue},
		"NoSuchType")
	require.NoError(s.t, err)
	defer func() { _ = s.temporal.TerminateWorkflow(context.Background(), run.GetID(), "", "asked") }()
	s.eventually("the failed task", func() bool {
		for _, event := range s.history(run.GetID(), run.GetRunID()).Events {
			said += event.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage()
		}
		return said != ""
	})
	return said
}

// unknownActivity schedules an activity of a type that nobody knows and returns what its failure says.
func (s *stack) unknownActivity(queue string) string {
	s.t.Helper()
	own := queue + "-asking"
	w := worker.New(s.temporal, own, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			TaskQueue: queue, StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		}), "NoSuchActivity").Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "Ask"})
	require.NoError(s.t, w.Start())
	defer w.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: own}, "Ask")
	require.NoError(s.t, err)
	err = run.Get(ctx, nil)
	require.Error(s.t, err)
	return err.Error()
}

// A task of an unknown workflow type fails that task, never the workflow: it goes on as soon as a worker polls that
// knows the type. Here an older release is all there is, then ours.
func TestUnknownWorkflowTypeWaitsForAWorkerThatKnowsIt(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	older := worker.New(s.temporal, s.queue, worker.Options{DisableRegistrationAliasing: true})
	older.RegisterWorkflowWithOptions(func(workflow.Context) error { return nil },
		workflow.RegisterOptions{Name: "Older"})
	require.NoError(t, older.Start())
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	run, err := s.temporal.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: "certificate/" + s.name, TaskQueue: s.queue},
		"Certificate", map[string]any{"spec": map[string]any{"names": []string{"unknown.example.test"}}})
	require.NoError(t, err)
	s.eventually("the failed task", func() bool {
		return has(s.history(run.GetID(), run.GetRunID()), enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED)
	})
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, s.executionStatus(run.GetID()))
	older.Stop()
	s.run()
	s.eventually("the certificate", func() bool { return s.scalar(`SELECT count(*) FROM versions`) == 1 })
	// The worker that does not know a type goes on with what it knows.
	s.unknownWorkflow(s.queue)
	s.must("cert", "ensure", s.name+"-known", "--name", "known.example.test")
}

// The same of an activity type: the attempt fails, the step is tried again, and a worker that knows it does it.
func TestUnknownActivityTypeWaitsForAWorkerThatKnowsIt(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.run("--roles=workflows,responder")
	older := worker.New(s.temporal, s.queue+"-authorization",
		worker.Options{DisableRegistrationAliasing: true, DisableWorkflowWorker: true})
	older.RegisterActivityWithOptions(func(context.Context) error { return nil }, activityNamed("Older"))
	require.NoError(t, older.Start())
	ensured := make(chan result, 1)
	go func() {
		ensured <- s.cli("cert", "ensure", s.name, "--name", "step.example.test", "--timeout", "90s", "--output",
			"json")
	}()
	s.eventually("the failed attempt", func() bool {
		return slices.ContainsFunc(s.pending("certificate/"+s.name), func(p pendingActivity) bool {
			return p.kind == "ObtainCertificate" &&
				strings.Contains(p.lastFailure, "unable to find activityType=ObtainCertificate")
		})
	})
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, s.executionStatus("certificate/"+s.name))
	older.Stop()
	s.run("--roles=authorization")
	r := <-ensured
	r.exits(t, 0)
	require.NotNil(t, status(t, r).Issued)
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`),
		"no attempt of the certificate failed for it")
}
