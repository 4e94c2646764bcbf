package caller

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"everleaf/adapters/servertest"
	"everleaf/adapters/temporal"
	"everleaf/domain"
	"everleaf/ports"
)

// A service that crashed before it had the answer asks again: it gets the first answer, also when the workflow has
// continued as new since, and nothing is done twice.
func TestRepeatedRequestIsTheSameRequest(t *testing.T) {
	t.Parallel()
	s := connect(t)
	w := startWorker(t, s)
	defer w.Stop()
	ctx, name := bounded(t, time.Minute), unique(t)
	_, err := s.keeper.Ensure(ctx, name, Spec{Names: []string{"www.example.com"}})
	require.NoError(t, err)
	run, err := s.keeper.Locate(ctx, name)
	require.NoError(t, err)
	repeating := s.keeper.Repeat(Request{ID: unique(t), Run: run})

	first, err := repeating.Renew(ctx, name, RenewRequest{})
	require.NoError(t, err)
	require.Equal(t, 2, first.Cycle)
	again, err := repeating.Renew(ctx, name, RenewRequest{})
	require.NoError(t, err)
	require.Equal(t, first, again)

	endRun(t, s, name, run, "continue")
	again, err = repeating.Renew(ctx, name, RenewRequest{})
	require.NoError(t, err, "a run that has ended still knows its updates")
	require.Equal(t, first, again)
	now, err := s.keeper.Status(ctx, name)
	require.NoError(t, err)
	require.Zero(t, now.Cycle, "the new run was not asked")

	_, err = s.keeper.Repeat(Request{ID: unique(t), Run: run}).Renew(ctx, name, RenewRequest{})
	requireFault(t, err, domain.FaultWait, "RunEnded", name)
	next, err := s.keeper.Locate(ctx, name)
	require.NoError(t, err)
	require.NotEqual(t, run, next)
	renewed, err := s.keeper.Renew(ctx, name, RenewRequest{})
	require.NoError(t, err, "without an identity, the run is found")
	require.Equal(t, 1, renewed.Cycle)

	require.NoError(t, s.client.TerminateWorkflow(ctx, ports.WorkflowID(name), "", "test"))
	_, err = s.keeper.Locate(ctx, name)
	requireFault(t, err, domain.FaultSpec, "WorkflowEnded", name)
	restarting := s.keeper.Repeat(Request{ID: unique(t)})
	first, err = restarting.Renew(ctx, name, RenewRequest{})
	require.NoError(t, err, "the request comes with a start")
	again, err = restarting.Renew(ctx, name, RenewRequest{})
	require.NoError(t, err)
	require.Equal(t, first, again, "and is the same request in that run")
	_, err = s.keeper.Revoke(ctx, name, RevokeRequest{Reason: "boredom"})
	requireFault(t, err, domain.FaultSpec, "UnknownReason", "boredom")
}

// endRun makes the stand-in end its run as asked, and waits until it has.
func endRun(t *testing.T, s server, name, run, how string) {
	t.Helper()
	ctx, id := bounded(t, time.Minute), ports.WorkflowID(name)
	require.NoError(t, s.client.SignalWorkflow(ctx, id, run, "end", how))
	_ = s.client.GetWorkflow(ctx, id, run).GetWithOptions(ctx, nil,
		client.WorkflowRunGetOptions{DisableFollowingRuns: true})
}

func TestStartDoesNotWait(t *testing.T) {
	t.Parallel()
	s := connect(t)
	ctx, name := bounded(t, time.Minute), unique(t)
	require.NoError(t, s.keeper.Start(ctx, name, Spec{Names: []string{"WWW.example.com"}}), "nobody works on the queue")
	require.NoError(t, s.keeper.Start(ctx, name, Spec{Names: []string{"other.example.com"}}), "it is there already")
	requireFault(t, s.keeper.Start(ctx, name, Spec{}), domain.FaultSpec, "NoNames", "names")
	requireFault(t, s.keeper.Start(ctx, "no spaces", Spec{}), domain.FaultSpec, "", "no spaces")

	described, err := s.client.DescribeWorkflow(ctx, ports.WorkflowID(name), "")
	require.NoError(t, err)
	found, ok := described.TypedSearchAttributes.GetKeyword(sdktemporal.NewSearchAttributeKeyKeyword(ports.SearchState))
	require.True(t, ok)
	require.Equal(t, "Issuing", found, "visible to searches before any worker saw it")
	names, _ := described.TypedSearchAttributes.GetKeywordList(searchNames)
	require.Equal(t, []string{"www.example.com"}, names)

	w := startWorker(t, s)
	defer w.Stop()
	var seen []Phase
	for status, err := range s.keeper.Watch(ctx, name, 10*time.Millisecond) {
		if err != nil {
			require.Equal(t, FaultWait, AsFault(err).Kind, err) // until the worker polls
			continue
		}
		seen = append(seen, status.Phase)
		if len(seen) == 1 {
			_, err = s.keeper.Ensure(ctx, name, status.Spec)
			require.NoError(t, err)
			continue
		}
		break
	}
	require.Equal(t, []Phase{PhaseIssuing, PhaseReady}, seen, "each change once")
}

func TestManyNamesAreNoHindrance(t *testing.T) {
	t.Parallel()
	s := connect(t)
	var names []string
	for range 100 {
		names = append(names, strings.ReplaceAll(unique(t), "-", "")+".example.com")
	}
	require.NoError(t, s.keeper.Start(bounded(t, time.Minute), unique(t), Spec{Names: names}),
		"the server takes 2 KB for an attribute")
}

func TestMissingSearchAttributesAreTheOperators(t *testing.T) {
	t.Parallel()
	address, namespace := servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"), unique(t)
	ctx := bounded(t, time.Minute)
	_, err := connect(t).client.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	s := dial(t, client.Options{HostPort: address, Namespace: namespace})
	config := temporal.Config{Client: client.Options{HostPort: address, Namespace: namespace}, TaskQueue: s.queue}
	require.NoError(t, temporal.WaitReachable(ctx, s.client, config, quiet()))
	short, spec := bounded(t, 5*time.Second), Spec{Names: []string{"www.example.com"}}
	_, err = s.keeper.Ensure(short, unique(t), spec)
	requireFault(t, err, domain.FaultOperator, "SearchAttributesMissing", "everleaf migrate")
	requireFault(t, s.keeper.Start(ctx, unique(t), spec), domain.FaultOperator, "SearchAttributesMissing", namespace)
}
