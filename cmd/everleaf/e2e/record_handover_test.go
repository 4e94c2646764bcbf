package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"everleaf/ports"
)

// TestRecordHandOver lives through hand-overs that the server suggests: between requests, with a certificate that is
// still wanted, and on the way to the end. With -record, the histories join the corpus.
func TestRecordHandOver(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	handsOver := func(file, certificate string) {
		t.Helper()
		s.fill(certificate)
		s.eventually("the next run", func() bool {
			s.wake(certificate) // the server counts the history up to the task before
			return len(s.runs(certificate)) == 2
		})
		s.rested(certificate)
		runs := s.runs(certificate)
		require.True(t, has(runs[0], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW))
		keep(t, corpus, file, shortened(runs[0]))
	}

	long := s.name + "-long"
	s.must("cert", "ensure", long, "--name", "long.example.test", "--deliver", "disk")
	handsOver("handed-over", long)
	s.must("cert", "renew", long)
	keep(t, corpus, "taken-over", s.rested(long))

	wanted := s.name + "-wanted"
	s.must("cert", "ensure", wanted, "--name", "wanted.example.test")
	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(http.StatusTooManyRequests, "rateLimited", "too many", "Retry-After", "1800")})
	s.cli("cert", "ensure", wanted, "--name", "wanted.example.test", "--name", "more.example.test").exits(t, 1)
	handsOver("handed-over-wanting", wanted)
	s.must("cert", "renew", wanted, "--force")
	keep(t, corpus, "taken-over-wanting", s.rested(wanted))

	ending := s.name + "-ending"
	s.must("cert", "ensure", ending, "--name", "ending.example.test")
	refusing := s.proxy.on(&rule{path: pathRevoke, left: -1,
		instead: problem(http.StatusServiceUnavailable, "serverInternal", "maintenance", "Retry-After", "600")})
	s.cli("cert", "revoke", ending, "--without-replacement").exits(t, 1)
	s.cli("cert", "retire", ending).exits(t, 1)
	handsOver("handed-over-retiring", ending)
	s.proxy.off(refusing)
	keep(t, corpus, "taken-over-retiring", s.rested(ending))
}

// TestRecordRenewals lives through a run whose timers alone wake it: it obtains four certificates, and continues as
// new when the next one is due. With -record, its history joins the corpus.
func TestRecordRenewals(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, minute, steady)
	s.renewsSoon(4)
	s.worker()
	s.must("cert", "ensure", s.name, "--name", "renewals.example.test")
	s.eventually("the next run", func() bool { return len(s.runs(s.name)) == 2 })
	run := s.runs(s.name)[0]
	require.True(t, has(run, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW))
	require.Equal(t, 4, count(run, enumspb.EVENT_TYPE_TIMER_FIRED))
	require.Len(t, activitiesOf(run), 4)
	keep(t, corpus, "renewals", run)
	s.must("cert", "retire", s.name)
}

// fill makes a certificate's history so long that the server suggests another one.
func (s *stack) fill(certificate string) {
	s.t.Helper()
	for range 4 {
		require.NoError(s.t, s.temporal.SignalWorkflow(context.Background(), ports.WorkflowID(certificate), "",
			ports.RecordChangedSignal,
			strings.Repeat("long ", 300_000)))
	}
}

// shortened leaves out what the signals carried, which the workflow does not read.
func shortened(history *historypb.History) *historypb.History {
	for _, event := range history.Events {
		if signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal != nil {
			signal.Input = &commonpb.Payloads{}
		}
	}
	return history
}

// count counts a history's events of a type.
func count(history *historypb.History, want enumspb.EventType) (n int) {
	for _, event := range history.Events {
		if event.GetEventType() == want {
			n++
		}
	}
	return n
}
