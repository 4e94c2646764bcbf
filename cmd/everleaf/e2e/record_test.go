package e2e

import (
	"context"
	"flag"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"

	"everleaf/app/lifecycle"
	appnexus "everleaf/app/nexus"
	"everleaf/app/replaytest"
	"everleaf/app/sweep"
	"everleaf/ports"
)

var record = flag.Bool("record", false, "write the histories of this run into the replay corpora")

// corpus is where the replay test of the certificates' workflow reads.
const corpus = "../../../app/lifecycle/testdata/histories"

// slowPostgres is the history of a step that Postgres does not answer in time.
const slowPostgres = "slow-postgres"

// TestRecord lives through the scenarios of the replay corpus on the whole stack. What they leave in Temporal must
// replay on this code and keep the budgets; with -record they join the corpus.
func TestRecord(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, minute)
	s.renewsSoon(1)
	s.worker()

	name := s.name + "-life"
	s.must("cert", "ensure", name, "--name", "record.example.test")
	issuance := s.rested(name)
	s.eventually("the renewal", func() bool {
		return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`,
			name) == 2
	})
	renewal := s.rested(name)
	s.must("cert", "retire", name) // or its renewals meet the CA's refusals that are meant for others

	woken := s.name + "-woken"
	s.must("cert", "ensure", woken, "--name", "woken.example.test")
	for range 3 {
		s.must("cert", "renew", woken, "--note", "cuts the sleep short")
	}
	s.rested(woken)
	s.wake(woken) // after four certificates, the next wake continues as new
	s.eventually("the next run", func() bool { return len(s.runs(woken)) == 2 })
	s.must("cert", "renew", woken, "--note", "cuts the sleep after a continue-as-new short")
	s.rested(woken)
	continued := s.runs(woken)
	s.must("cert", "retire", woken)

	refused := s.name + "-refused" // climbs the ladder: a minute
	s.proxy.on(&rule{path: pathNewOrder, left: 1, instead: problem(403, "rejectedIdentifier", "not this name")})
	s.cli("cert", "ensure", refused, "--name", "refused.example.test").exits(t, 1)
	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(429, "rateLimited", "too many new orders", "Retry-After", "2")})
	s.proxy.on(&rule{path: pathFinalize, left: 3, instead: problem(500, "serverInternal", "oops")})
	failing := s.name + "-failing"
	s.must("cert", "ensure", failing, "--name", "failing.example.test")

	s.eventually("the next try of what was refused",
		func() bool { return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, refused) == 1 })

	revoked := s.name + "-revoked"
	s.must("cert", "ensure", revoked, "--name", "revoked.example.test")
	s.must("cert", "revoke", revoked, "--reason", "superseded")
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1 AND revocation_reason = 'superseded'`, revoked))

	given := s.name + "-given-up"
	s.must("cert", "ensure", given, "--name", "given-up.example.test")
	require.NoError(t, s.temporal.CancelWorkflow(context.Background(), ports.WorkflowID(given), ""))
	var cancelled *historypb.History
	s.eventually("the end of what was cancelled", func() bool {
		runs := s.runs(given)
		cancelled = runs[len(runs)-1]
		return has(cancelled, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED)
	})

	for name, history := range map[string]*historypb.History{
		"issuance": issuance, "renewal": renewal, "continued-as-new": continued[0], "continued": continued[1],
		"failure-and-recovery": s.rested(failing), "ladder": s.rested(refused), // after the ladder's first rung
		"revocation": s.rested(revoked), "cancelled": cancelled,
	} {
		keep(t, corpus, name, history)
	}
	require.True(t, has(continued[0], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW))
	own := renewal.Events[len(issuance.Events):]
	slow := 0 // a busy machine makes an activity and a task more of each
	for _, event := range own {
		if slowStep(event) {
			slow++
		}
	}
	require.LessOrEqual(t, len(own), 16+6*slow, "history events of a renewal")
	require.LessOrEqual(t, actions(own), 4+2*slow,
		"billable actions of a renewal, but for the continue-as-new after each fourth")
}

// corpora guards the corpora, which tests write side by side.
var corpora sync.Mutex

// keep replays a history strictly and, if this is a recording, adds it to the corpus.
func keep(t *testing.T, corpus, name string, history *historypb.History) {
	t.Helper()
	if !*record {
		corpus = t.TempDir()
	}
	corpora.Lock()
	defer corpora.Unlock()
	if *record && name != slowPostgres {
		require.False(t, slices.ContainsFunc(history.Events, slowStep),
			"%s has a step that Postgres was slow to answer: record again on a machine that is less busy", name)
	}
	run := history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetOriginalExecutionRunId()
	for _, event := range history.Events {
		if reset := event.GetWorkflowTaskFailedEventAttributes().GetNewRunId(); reset != "" {
			run = reset
		}
	}
	replaytest.Keep(t, corpus, name, run, history, func(r worker.WorkflowRegistry) {
		lifecycle.Register(r)
		appnexus.Register(r)
		sweep.Register(r)
	})
}

// actions counts what Temporal Cloud bills for these events: a run's start or continue-as-new, timers, activities with
// their retries, signals, updates, search attribute upserts of our own, and one for all the local activities of a
// workflow task.
func actions(events []*historypb.HistoryEvent) int {
	n, marked := 0, int64(0)
	for _, e := range events {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			n++
		case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			// Temporal's own, which a version gate writes, is exempt.
			fields := e.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields()
			if _, gate := fields["TemporalChangeVersion"]; !gate {
				n++
			}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			n += int(e.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			if task := e.GetMarkerRecordedEventAttributes().GetWorkflowTaskCompletedEventId(); task != marked {
				n, marked = n+1, task
			}
		}
	}
	return n
}
