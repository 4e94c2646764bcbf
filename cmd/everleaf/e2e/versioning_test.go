package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"everleaf/app/replaytest"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// buildOfMachine builds the program with another version of the certificates' machine.
func buildOfMachine(t *testing.T, version int) string {
	t.Helper()
	const number = "const Version = %d\n"
	overlay := replaytest.Overlay(t, map[string][2]string{
		"../../../domain/lifecycle/state.go": {fmt.Sprintf(number, lifecycle.Version), fmt.Sprintf(number, version)},
	})
	program := filepath.Join(t.TempDir(), "everleaf")
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-overlay", overlay, "-o", program,
		"everleaf/cmd/everleaf").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// Two builds side by side under worker versioning, the new one with a higher version of the machine: what the old one
// began, the new one goes on with under the old version, without a failed task; at its next wake it continues as new
// under the new version. An old build that meets that cannot go on with it, and the workflow waits: with the new build
// back, nothing is lost.
func TestTwoBuildsSideBySide(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.set("EVERLEAF_ROLES", "responder") // it outlives both builds
	s.worker()
	s.set("EVERLEAF_ROLES", "workflows,authorization")
	s.set("EVERLEAF_WORKER_VERSIONING", "true")
	s.set("EVERLEAF_DEPLOYMENT_NAME", s.name)
	build := func(id, program string) *process {
		s.program = program
		s.set("EVERLEAF_BUILD_ID", id)
		p := s.worker()
		s.makeCurrent(id)
		return p
	}

	one := build("one", binary)
	asleep, atWork := s.name+"-asleep", s.name+"-at-work"
	s.must("cert", "ensure", asleep, "--name", "asleep.example.test")
	s.rested(asleep)
	held := newGate()
	s.proxy.on(&rule{path: pathAuthz, left: -1, gate: held})
	answered := make(chan result, 1)
	go func() {
		answered <- s.cli("cert", "ensure", atWork, "--name", "at-work.example.test", "--output", "json")
	}()
	s.eventually("the step at work", func() bool { return held.waiting.Load() > 0 })

	newer := buildOfMachine(t, lifecycle.Version+1)
	two := build("two", newer)
	held.open()
	answer := <-answered
	answer.exits(t, 0)
	require.NotNil(t, status(t, answer).Issued)
	begun := s.rested(atWork)
	require.Equal(t, []string{ports.ObtainCertificate.Name}, activitiesOf(begun))
	require.Equal(t, []string{"one", "two"}, buildsOf(begun))
	one.stop()

	// A caller is served within the run, whatever its version; the next wake ends it.
	s.must("cert", "renew", asleep)
	require.Equal(t, []string{"one", "two"}, buildsOf(s.rested(asleep)))
	require.Len(t, s.runs(asleep), 1)
	s.wake(asleep)
	s.eventually("its next run", func() bool { return len(s.runs(asleep)) == 2 })
	handed := s.rested(asleep)
	require.Equal(t, []string{"two"}, buildsOf(handed))
	require.Equal(t, lifecycle.Version, machineOf(t, handed), "by the rules under which the first run began")
	require.Equal(t, lifecycle.Version+1, begunUnder(t, handed))
	for _, name := range []string{asleep, atWork} {
		for _, run := range s.runs(name) {
			require.Empty(t, taskFailures(run), s.text(run))
		}
	}

	// The old build is back: what has continued, or begun, under the new version waits.
	two.stop()
	one = build("one", binary)
	fresh := s.name + "-fresh"
	s.wake(asleep)
	s.eventually("the failed task", func() bool {
		return has(s.runs(asleep)[1],
			enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED)
	})
	require.Contains(t, s.text(s.runs(asleep)[1]), fmt.Sprintf("too old to support version %d", lifecycle.Version+1))
	s.must("cert", "ensure", fresh, "--name", "fresh.example.test")
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, s.executionStatus(ports.WorkflowID(asleep)))
	one.stop()
	build("two", newer)
	for _, name := range []string{asleep, atWork, fresh} {
		require.Equal(t, domain.PhaseReady, status(t, s.must("cert", "renew", name, "--output", "json")).Phase, name)
	}
	require.Equal(t, 3, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, asleep))
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))

	described, err := s.temporal.DescribeWorkflow(context.Background(), ports.WorkflowID(asleep), "")
	require.NoError(t, err)
	require.Equal(t, enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE,
		described.RawResponse.GetWorkflowExecutionInfo().GetVersioningInfo().GetBehavior())
}

// wake has a certificate's workflow read what is stored.
func (s *stack) wake(name string) {
	s.t.Helper()
	require.NoError(s.t, s.temporal.SignalWorkflow(context.Background(), ports.WorkflowID(name), "",
		ports.RecordChangedSignal, nil))
}

// begunUnder is the version of the machine that a run's first gate records.
func begunUnder(t *testing.T, run *historypb.History) (version int) {
	t.Helper()
	for _, e := range run.Events {
		if gate := e.GetMarkerRecordedEventAttributes(); gate.GetMarkerName() == "Version" {
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(gate.GetDetails()["version"], &version))
			return version
		}
	}
	t.Fatal("no gate in the history")
	return 0
}

// machineOf is the version of the machine that wrote a run's input.
func machineOf(t *testing.T, run *historypb.History) int {
	t.Helper()
	var input struct{ Machine int }
	payloads := run.Events[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
	require.Len(t, payloads, 1)
	require.NoError(t, json.Unmarshal(payloads[0].GetData(), &input))
	return input.Machine
}

// makeCurrent makes a build the deployment's current version, as soon as the server has seen it poll.
func (s *stack) makeCurrent(build string) {
	s.t.Helper()
	deployment := s.temporal.WorkerDeploymentClient().GetHandle(s.name)
	s.eventually("build "+build+" to be current", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
		return err == nil
	})
}

// activitiesOf are the types of the activities that a run scheduled, without the short steps that a busy machine made
// activities of.
func activitiesOf(history *historypb.History) (types []string) {
	for _, event := range history.Events {
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil && !slowStep(event) {
			types = append(types, scheduled.GetActivityType().GetName())
		}
	}
	return types
}

// slowStep reports whether an event schedules a short step that Postgres did not answer within the workflow task.
func slowStep(event *historypb.HistoryEvent) bool {
	switch event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() {
	case ports.RecordRequest.Name, ports.ReserveOrder.Name, ports.RecordFailure.Name, ports.RecordReleased.Name:
		return true
	default:
		return false
	}
}

// buildsOf are the builds that completed a run's workflow tasks, in order, each once.
func buildsOf(history *historypb.History) (builds []string) {
	for _, e := range history.Events {
		completed := e.GetWorkflowTaskCompletedEventAttributes()
		if completed == nil {
			continue
		}
		if build := completed.GetDeploymentVersion().GetBuildId(); len(builds) == 0 || builds[len(builds)-1] != build {
			builds = append(builds, build)
		}
	}
	return builds
}
