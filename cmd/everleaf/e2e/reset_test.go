package e2e

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everleaf/domain"
	"everleaf/ports"
)

var everyReset = flag.Bool("resets", false, "reset runs to each of their tasks, not to a sample of them")

// resetSample is to how many tasks the runs of each life are reset without -resets.
const resetSample = 12

// lifeToReset is what happens to a certificate between two moments at which its runs are reset.
type lifeToReset struct {
	moment string
	then   [][]string
}

var livesToReset = []lifeToReset{
	{"in service", [][]string{{"ensure", "first"}, {"renew"}}},
	{"changed, and replaced after a revocation", [][]string{
		{"ensure", "first", "second"}, {"revoke", "--reason", "superseded"}, {wakeUp},
	}},
	{"revoked in service", [][]string{
		{"renew", "--note", "once more"}, {"ensure", "second", "third"},
		{"revoke", "--reason", "keyCompromise", "--without-replacement"},
	}},
	{"replaced at last", [][]string{{"renew"}}},
	{"retired and cleared", [][]string{{"retire", "--remove-deliveries"}}},
	{"kept again", [][]string{{"ensure", "third"}}},
	{"retired", [][]string{{"retire"}}},
}

// wakeUp has a run that is long enough continue as the next one.
const wakeUp = "wake"

// Any run that is recorded is reset to any of its tasks, with the updates and signals since then and without: nothing
// that is revoked or superseded comes into service or is reported, nothing is ordered, revoked or given up once more,
// and what is retired stays retired.
func TestReset(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	dir, _ := s.wholeLife()
	s.worker()
	t.Run("lives", func(t *testing.T) {
		for n, life := range livesToReset {
			t.Run(life.moment, func(t *testing.T) {
				t.Parallel()
				own := *s
				own.t, own.name = t, fmt.Sprintf("%s-%d", s.name, n)
				l := &resets{
					stack: &own, file: filepath.Join(dir, own.name, "tls.crt"),
					dice: rand.New(rand.NewPCG(uint64(n), 2)), known: map[task]bool{},
				}
				for _, life := range livesToReset[:n+1] {
					for _, step := range life.then {
						l.live(step)
					}
				}
				l.resetAll()
			})
		}
	})
	orders := s.scalar(`SELECT count(*) FROM orders`)
	require.Equal(t, orders, s.scalar(`SELECT count(*) FROM versions`))
	require.Equal(t, orders, strings.Count(s.ca.Log(), "Added order"))
}

// resets are those of one certificate's runs.
type resets struct {
	*stack
	file  string
	dice  *rand.Rand
	tasks []task
	known map[task]bool
}

// task is where a run can be reset to.
type task struct {
	run   string
	event int64
}

// truth is what no reset may change.
type truth struct {
	Version, Serial, File, Versions, Orders, Deliveries string
	Released                                            bool
}

// live does one thing to the certificate, and waits until all of it is done.
func (l *resets) live(step []string) {
	l.t.Helper()
	switch step[0] {
	case wakeUp:
		runs := len(l.runs(l.name))
		l.wake(l.name)
		l.eventually("the next run", func() bool { return len(l.runs(l.name)) > runs })
	case "ensure":
		command := []string{"cert", "ensure", l.name, "--deliver", "disk", "--replace"}
		for _, name := range step[1:] {
			command = append(command, "--name", name+"."+l.name+".example.test")
		}
		l.must(command...)
	default:
		l.must(append([]string{"cert", step[0], l.name}, step[1:]...)...)
	}
	l.eventually("the delivery", func() bool {
		return l.scalar(`SELECT count(*) FROM certificates LEFT JOIN deliveries ON certificate = name
			WHERE name = $1 AND released_at IS NULL AND version IS DISTINCT FROM current_version`, l.name) == 0
	})
	l.rested(l.name)
	l.learn()
}

// resetAll resets the certificate's runs as it stands now.
func (l *resets) resetAll() {
	l.t.Helper()
	before, began := l.truth(), time.Now()
	tasks := l.tasks
	if !*everyReset {
		tasks = nil
		for range resetSample {
			tasks = append(tasks, l.tasks[l.dice.IntN(len(l.tasks))])
		}
	}
	for _, at := range tasks {
		without := l.dice.IntN(2) == 0
		what := fmt.Sprintf("run %s reset to event %d, without updates %v", at.run, at.event, without)
		l.reset(at, without)
		l.settles(what, before)
		require.Equal(l.t, before, l.truth(), what)
		l.learn() // what was made by a reset can be reset, too
	}
	l.t.Logf("%d of %d tasks in %v", len(tasks), len(l.tasks), time.Since(began).Round(time.Millisecond))
}

// learn adds the tasks of the latest run, and of those that continued as it.
func (l *resets) learn() {
	l.t.Helper()
	described, err := l.temporal.DescribeWorkflow(context.Background(), ports.WorkflowID(l.name), "")
	require.NoError(l.t, err)
	for id := described.WorkflowExecution.RunID; id != ""; {
		history := l.history(ports.WorkflowID(l.name), id)
		for _, event := range history.Events {
			at := task{id, event.GetEventId()}
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED && !l.known[at] {
				l.known[at] = true
				l.tasks = append(l.tasks, at)
			}
		}
		id = history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
}

func (l *resets) truth() (now truth) {
	l.t.Helper()
	require.NoError(l.t, l.pool.QueryRow(context.Background(), `
		SELECT coalesce(current_version::text, ''), coalesce(v.serial, ''), released_at IS NOT NULL,
			(SELECT string_agg(concat_ws(' ', serial, revoked_at, revoking), ', ' ORDER BY created_at) FROM versions WHERE certificate = name),
			(SELECT string_agg(concat_ws(' ', id, state), ', ' ORDER BY created_at) FROM orders WHERE certificate = name),
			coalesce((SELECT string_agg(concat_ws(' ', target, version, failure), ', ' ORDER BY target) FROM deliveries WHERE certificate = name), '')
		FROM certificates c LEFT JOIN versions v ON v.id = current_version WHERE name = $1`, l.name).
		Scan(&now.Version, &now.Serial, &now.Released, &now.Versions, &now.Orders, &now.Deliveries))
	now.File = l.served()
	return now
}

// served is the serial number of what the target has.
func (l *resets) served() string {
	l.t.Helper()
	text, err := os.ReadFile(l.file)
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(l.t, err)
	block, _ := pem.Decode(text)
	require.NotNil(l.t, block)
	leaf, err := x509.ParseCertificate(block.Bytes)
	require.NoError(l.t, err)
	return fmt.Sprintf("%x", leaf.SerialNumber.Bytes())
}

func (l *resets) reset(at task, withoutUpdates bool) {
	l.t.Helper()
	var exclude []enumspb.ResetReapplyExcludeType
	if withoutUpdates {
		exclude = append(exclude, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL)
	}
	_, err := l.temporal.ResetWorkflowExecution(context.Background(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, RequestId: uuid.NewString(), WorkflowTaskFinishEventId: at.event,
		ResetReapplyExcludeTypes: exclude,
		WorkflowExecution:        &commonpb.WorkflowExecution{WorkflowId: ports.WorkflowID(l.name), RunId: at.run},
	})
	require.NoError(l.t, err)
}

// settles waits until the workflow is at rest. A look meanwhile shows nothing but the truth.
func (l *resets) settles(what string, before truth) {
	l.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for done := false; !done; {
		require.True(l.t, time.Now().Before(deadline), "%s: it does not come to rest; log:\n%s", what, l.log)
		require.Equal(l.t, before.File, l.served(), what)
		described, err := l.temporal.DescribeWorkflow(context.Background(), ports.WorkflowID(l.name), "")
		require.NoError(l.t, err)
		done = described.RawResponse.GetPendingWorkflowTask() == nil &&
			len(described.RawResponse.GetPendingActivities()) == 0
		if answer, err := l.temporal.QueryWorkflow(context.Background(), ports.WorkflowID(l.name), "",
			ports.StatusQuery); err == nil {
			var seen domain.Status
			require.NoError(l.t, answer.Get(&seen))
			if seen.Issued != nil {
				require.Equal(l.t, before.Version, seen.Issued.Version, what)
			}
		}
	}
	run := l.history(ports.WorkflowID(l.name), "")
	require.Empty(l.t, taskFailures(run), "%s: tasks failed", what)
	now := status(l.t, l.must("cert", "status", l.name, "--output", "json"))
	if before.Released {
		require.Equal(l.t, domain.PhaseReleased, now.Phase, what)
		return
	}
	require.NotNil(l.t, now.Issued, what)
	require.Equal(l.t, before.Serial, now.Issued.Serial, what)
	require.Equal(l.t, l.scalar(`SELECT count(*) FROM versions WHERE id = $1 AND revoked_at IS NOT NULL`,
		now.Issued.Version) == 1, now.Issued.Revoked, what)
}
