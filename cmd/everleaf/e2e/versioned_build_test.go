package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// With worker versioning on, a build polls but is given nothing before it is current. A caller reads that, with the
// command that makes it current.
func TestVersionedBuildWaitsToBeCurrent(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.run("--worker-versioning", "--deployment-name="+s.name, "--build-id=one")
	s.eventually("the caller to read that", func() bool {
		refused := s.cli("cert", "ensure", s.name+"-refused", "--name", "refused.example.test")
		return refused.code == 1 && strings.Contains(refused.stderr,
			"temporal worker deployment set-current-version --deployment-name "+s.name+" --build-id one")
	})
	ensured := s.ensureMany(1, "--start-anyway")
	s.eventually("the build to be known and the workflow to wait", func() bool {
		_, unknown := s.temporal.WorkerDeploymentClient().GetHandle(s.name).DescribeVersion(context.Background(),
			client.WorkerDeploymentDescribeVersionOptions{BuildID: "one"})
		_, absent := s.temporal.DescribeWorkflow(context.Background(), "certificate/"+s.name+"-0", "")
		return unknown == nil && absent == nil
	})
	require.Empty(t, taskIdentities(s.runs(s.name + "-0")[0]), "nothing is current")
	s.makeCurrent("one")
	e := <-ensured
	e.exits(t, 0)
	require.Equal(t, []string{"one"}, buildsOf(s.rested(e.name)))

	refused := s.cli("worker", "--worker-versioning", "--deployment-name=a.b")
	refused.exits(t, 2)
	require.Contains(t, refused.stderr, "--deployment-name (EVERLEAF_DEPLOYMENT_NAME)")
}
