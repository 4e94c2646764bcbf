package e2e

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/lifecycle"
	appnexus "everleaf/app/nexus"
	"everleaf/app/sweep"
	"everleaf/ports"
)

var record = flag.String("record", "", "write the histories of this run into the replay corpus, into a new folder of this name")

// corpus is where the replay test of the certificates' workflow reads.
const corpus = "../../../app/lifecycle/testdata/histories"

// recorder matches the machine's name in identities and sticky queues: it is nobody's business.
var recorder = regexp.MustCompile(`"(identity|name)": "(?:[^"]*@[^"]*|[^":]*:[0-9a-f-]{36})"`)

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
	s.eventually("the renewal", func() bool { return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, name) == 2 })
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
	s.proxy.on(&rule{path: pathNewOrder, left: 1, instead: problem(429, "rateLimited", "too many new orders", "Retry-After", "2")})
	s.proxy.on(&rule{path: pathFinalize, left: 3, instead: problem(500, "serverInternal", "oops")})
	failing := s.name + "-failing"
	s.must("cert", "ensure", failing, "--name", "failing.example.test")

	s.eventually("the next try of what was refused", func() bool { return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, refused) == 1 })

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

	for file, history := range map[string]*historypb.History{
		"issuance.json": issuance, "renewal.json": renewal, "continued-as-new.json": continued[0], "continued.json": continued[1],
		"failure-and-recovery.json": s.rested(failing), "ladder.json": s.rested(refused), // after the ladder's first rung
		"revocation.json": s.rested(revoked), "cancelled.json": cancelled,
	} {
		keep(t, corpus, file, history)
	}
	require.True(t, has(continued[0], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW))
	own := renewal.Events[len(issuance.Events):]
	require.LessOrEqual(t, len(own), 16, "history events of a renewal")
	require.LessOrEqual(t, actions(own), 4, "billable actions of a renewal, but for the continue-as-new after each fourth")
}

// newFolders makes the folders of this recording, if this is one, before any test keeps anything.
func newFolders() error {
	if *record == "" {
		return nil
	}
	for _, workflow := range []string{"lifecycle", "nexus", "sweep"} {
		if err := os.Mkdir(filepath.Join("../../../app", workflow, "testdata/histories", *record), 0o755); err != nil {
			return fmt.Errorf("histories that live workflows may have are never replaced, choose a new name: %w", err)
		}
	}
	return nil
}

// keep replays a history and, if this is a recording, adds it to the corpus.
func keep(t *testing.T, corpus, file string, history *historypb.History) {
	t.Helper()
	// Before it is replayed: the SDK merges what a run upserts into the history's first event.
	encoded, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(t, err)
	replays(t, file, history)
	if *record != "" {
		encoded = recorder.ReplaceAll(encoded, []byte(`"$1": "everleaf"`))
		encoded = append(encoded, '\n')
		require.NoError(t, os.WriteFile(filepath.Join(corpus, *record, file), encoded, 0o644))
		list(t, corpus, filepath.Join(*record, file), encoded)
	}
}

// list adds a history to the corpus' list.
func list(t *testing.T, corpus, name string, content []byte) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(corpus, "SHA256SUMS"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	require.NoError(t, err)
	_, err = fmt.Fprintf(file, "%x  %s\n", sha256.Sum256(content), name)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func replays(t *testing.T, file string, history *historypb.History) {
	t.Helper()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	require.NoError(t, err)
	lifecycle.Register(replayer)
	appnexus.Register(replayer)
	sweep.Register(replayer)
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{
		ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId(),
	}}
	require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(quiet{}, history, options), file)
}

// actions counts what Temporal Cloud bills for these events: a run's start or continue-as-new, timers, activities with
// their retries, signals, updates, search attribute upserts of our own, and one for all the local activities of a
// workflow task.
func actions(events []*historypb.HistoryEvent) int {
	n, marked := 0, int64(0)
	for _, e := range events {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
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
