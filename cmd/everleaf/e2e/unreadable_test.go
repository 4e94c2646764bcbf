package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// A newer build has written a workflow's state, and an older one is brought back: the run stays open, the metrics of
// EverleafNonDeterminism and EverleafWorkflowTasksFail move at the worker, and who asks meanwhile is served once the
// newer build is back.
func TestUnreadableState(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	newer := buildOfMachine(t, lifecycle.Version+1)
	s.wholeLife()
	s.program = newer
	w := s.worker()
	ensure := []string{"cert", "ensure", s.name, "--name", "unreadable.example.test", "--deliver", "disk", "--output",
		"json"}
	s.must(ensure...)
	for range 3 {
		s.must("cert", "renew", s.name)
	}
	s.rested(s.name)
	s.wake(s.name)
	s.eventually("its next run", func() bool { return len(s.runs(s.name)) == 2 })
	before := status(t, s.must(ensure...))
	require.Equal(t, lifecycle.Version+1, machineOf(t, s.rested(s.name)))
	w.stop()

	s.program = binary
	w = s.worker()
	foreign := worker.New(s.temporal, s.queue+"-foreign", worker.Options{})
	foreign.RegisterWorkflowWithOptions(continuesAsOurs, workflow.RegisterOptions{Name: "Foreign"})
	require.NoError(t, foreign.Start())
	defer foreign.Stop()
	hands := func(name, state string) {
		t.Helper()
		_, err := s.temporal.ExecuteWorkflow(t.Context(),
			client.StartWorkflowOptions{ID: ports.WorkflowID(name), TaskQueue: s.queue + "-foreign"},
			"Foreign", plain(state), s.queue)
		require.NoError(t, err)
	}
	const ofReplays, others = "NonDeterminismError", "WorkflowError"
	require.Zero(t, s.tasksFailed(ofReplays)+s.tasksFailed(others))
	renewed := make(chan result, 1)
	go func() { renewed <- s.cli("cert", "renew", s.name, "--output", "json") }()
	s.eventually("the metric of replays to move", func() bool { return s.tasksFailed(ofReplays) > 0 })

	// Of what has run under no build yet, only the state says that it is newer.
	handed, broken := s.name+"-handed", s.name+"-broken"
	hands(handed, fmt.Sprintf(`{"machine":%d,"spec":{"names":["handed.example.test"]},"mode":"Active"}`,
		lifecycle.Version+1))
	s.eventually("the metric of other tasks to move", func() bool { return s.tasksFailed(others) > 0 })
	require.Contains(t, s.log.String(), fmt.Sprintf("machine version %d", lifecycle.Version+1))
	hands(broken, `{"machine":1,"spec":{"names":7}}`)
	s.eventually("the log to say so", func() bool {
		return strings.Contains(s.log.String(),
			"decode the workflow's state")
	})
	for _, name := range []string{s.name, handed, broken} {
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, s.executionStatus(ports.WorkflowID(name)))
	}
	s.must("cert", "ensure", s.name+"-other", "--name", "other.example.test")
	w.stop()

	s.program = newer
	s.worker()
	answer := <-renewed
	answer.exits(t, 0)
	now := status(t, answer)
	require.Equal(t, domain.PhaseReady, now.Phase)
	require.NotEqual(t, before.Issued.Version, now.Issued.Version)
	require.Equal(t, before.Spec, now.Spec)
	require.Equal(t, 5, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, s.name), "renewed once")
	s.eventually("the delivery", func() bool {
		return s.scalar(`SELECT count(*) FROM deliveries WHERE version = $1`, now.Issued.Version) == 1
	})
	s.eventually("what was handed on", func() bool { return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, handed) == 1 })
	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), ports.WorkflowID(broken), "", "no build reads it"))
}

// tasksFailed is the metric of workflow tasks that failed for this reason at the last worker.
func (s *stack) tasksFailed(reason string) (failed float64) {
	s.t.Helper()
	for _, metric := range s.scraped()["temporal_workflow_task_execution_failed_total"].GetMetric() {
		labels := map[string]string{}
		for _, label := range metric.GetLabel() {
			labels[label.GetName()] = label.GetValue()
		}
		if labels["task_queue"] == s.queue && labels["failure_reason"] == reason {
			failed += metric.GetCounter().GetValue()
		}
	}
	return failed
}

// scraped is what the last worker answers a scrape.
func (s *stack) scraped() map[string]*dto.MetricFamily {
	s.t.Helper()
	scraper := http.Client{Timeout: 10 * time.Second}
	answer, err := scraper.Get(s.opsURL() + "/metrics")
	require.NoError(s.t, err)
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	require.NoError(s.t, err)
	return families
}
