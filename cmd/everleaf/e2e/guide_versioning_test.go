package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// With worker versioning on, nothing runs on a build before it is current, and a Certificate that sleeps on an old
// build wakes on the current one: it is auto-upgrade.
func TestVersionedBuildsTakeOverWhenCurrent(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.run("--roles=responder")
	build := func(id string) *process {
		return s.run("--roles=workflows,authorization", "--worker-versioning", "--deployment-name="+s.name, "--build-id="+id)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	deployment := s.temporal.WorkerDeploymentClient().GetHandle(s.name)
	makeCurrent := func(id string) {
		s.eventually("build "+id+" to be current", func() bool { // the server must have heard of it on each queue
			_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: id})
			return err == nil
		})
	}
	first := build("b1")
	ensured := s.ensureMany(1)
	s.eventually("the version to be known", func() bool {
		_, err := deployment.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: "b1"})
		return err == nil
	})
	workflow := "certificate/" + s.name + "-0"
	s.eventually("the workflow to wait", func() bool { _, err := s.temporal.DescribeWorkflowExecution(ctx, workflow, ""); return err == nil })
	require.Empty(t, taskIdentities(s.runs(s.name + "-0")[0]), "nothing is current")
	makeCurrent("b1")
	e := <-ensured
	require.Equal(t, 0, e.code, e.stderr)
	require.Equal(t, "b1", s.build(workflow))

	second := build("b2")
	makeCurrent("b2")
	s.must("cert", "renew", e.name)
	require.Equal(t, "b2", s.build(workflow))
	runs := s.runs(e.name)
	require.Contains(t, taskIdentities(runs[0]), first.identity("workflows"))
	require.Equal(t, []string{second.identity("workflows")}, taskIdentities(runs[len(runs)-1]))
	first.stop()
	s.must("cert", "renew", e.name)
}

// build is the one that the workflow last ran on; it must be auto-upgrade.
func (s *stack) build(workflowID string) string {
	s.t.Helper()
	described, err := s.temporal.DescribeWorkflowExecution(context.Background(), workflowID, "")
	require.NoError(s.t, err)
	info := described.GetWorkflowExecutionInfo().GetVersioningInfo()
	require.Equal(s.t, enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE, info.GetBehavior())
	return info.GetDeploymentVersion().GetBuildId()
}
