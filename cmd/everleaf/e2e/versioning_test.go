package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// releaseOne is the workflow code that recorded the histories in v1: before an issuance was one step.
const releaseOne = "testdata/release-1"

// buildReleaseOne builds the program with the workflow of release 1 in the place of today's.
func buildReleaseOne(t *testing.T) string {
	t.Helper()
	lifecycle, err := filepath.Abs("../../../app/lifecycle")
	require.NoError(t, err)
	replace := map[string]string{}
	today, err := filepath.Glob(filepath.Join(lifecycle, "*.go"))
	require.NoError(t, err)
	for _, file := range today {
		if base := filepath.Base(file); base != "doc.go" && base != "register.go" && !strings.HasSuffix(base, "_test.go") {
			replace[file] = "" // not there yet, unless it is below
		}
	}
	then, err := filepath.Glob(filepath.Join(releaseOne, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, then)
	for _, file := range then {
		absolute, err := filepath.Abs(file)
		require.NoError(t, err)
		replace[filepath.Join(lifecycle, filepath.Base(file))] = absolute
	}
	dir := t.TempDir()
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	program := filepath.Join(dir, "everleaf")
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "everleaf/cmd/everleaf").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// Two builds side by side under worker versioning, with a real change of the workflow between them: what the old one
// began, the new one finishes as it was begun; what begins later is done in the new way.
func TestTwoBuildsSideBySide(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_ROLES", "responder") // it outlives both builds
	s.worker()
	s.set("EVERLEAF_ROLES", "workflows,authorization")
	s.set("EVERLEAF_WORKER_VERSIONING", "true")
	s.set("EVERLEAF_DEPLOYMENT_NAME", s.name)

	s.program = buildReleaseOne(t)
	s.set("EVERLEAF_BUILD_ID", "one")
	one := s.worker()
	s.makeCurrent("one")
	asleep, atWork := s.name+"-asleep", s.name+"-at-work"
	s.must("cert", "ensure", asleep, "--name", "asleep.example.test")
	h := newHold()
	s.proxy.on(&rule{path: pathAuthz, left: 1, before: h})
	answered := make(chan result, 1)
	go func() {
		answered <- s.cli("cert", "ensure", atWork, "--name", "at-work.example.test", "--output", "json")
	}()
	s.reached(h)

	s.program = binary
	s.set("EVERLEAF_BUILD_ID", "two")
	s.worker()
	s.makeCurrent("two")
	s.proxy.freeAll()
	answer := <-answered
	answer.exits(t, 0)
	require.NotNil(t, status(t, answer).Issued)
	begun := s.ended(atWork, 0)
	require.Equal(t, []string{ports.AuthorizeOrder.Name}, activitiesOf(begun), "as it was begun")
	require.Equal(t, []string{"one", "two"}, buildsOf(begun))

	one.stop()
	s.must("cert", "renew", asleep)
	renewed := s.ended(asleep, 1)
	require.Equal(t, []string{ports.ObtainCertificate.Name}, activitiesOf(renewed), "in the new way")
	require.Equal(t, []string{"one", "two"}, buildsOf(renewed), "it went to sleep in the old build and woke in the new")
	s.must("cert", "ensure", s.name+"-new", "--name", "new.example.test")
	require.Equal(t, []string{"two"}, buildsOf(s.ended(s.name+"-new", 0)))
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))

	described, err := s.temporal.DescribeWorkflow(context.Background(), ports.WorkflowID(asleep), "")
	require.NoError(t, err)
	require.Equal(t, enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE, described.RawResponse.GetWorkflowExecutionInfo().GetVersioningInfo().GetBehavior())
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

// activitiesOf are the types of the activities that a run scheduled.
func activitiesOf(history *historypb.History) (types []string) {
	for _, e := range history.Events {
		if scheduled := e.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			types = append(types, scheduled.GetActivityType().GetName())
		}
	}
	return types
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
