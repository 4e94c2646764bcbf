package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/ports"
)

// A short step that Postgres does not answer within the workflow task goes on as an activity. With -record, the history
// joins the corpus.
func TestRecordSlowPostgres(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	_, l := s.behindLinks()
	s.must("cert", "ensure", s.name, "--name", "slow.example.test")
	renewed := s.whileSlow(l, "cert", "renew", s.name)
	renewed.exits(t, 0)
	history := s.rested(s.name)
	require.False(t, has(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT), "the second try is answered")
	keep(t, corpus, slowPostgres, history)
}

// What the activity finds is what the step in the workflow task would have found.
func TestSlowPostgresRefusesWhatIsUnknown(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	_, l := s.behindLinks()
	s.must("cert", "ensure", s.name, "--name", "slow.example.test")
	refused := s.whileSlow(l, "cert", "ensure", s.name, "--use-issuer", "nope")
	refused.exits(t, 1)
	require.Contains(t, refused.stderr, "Spec/UnknownIssuer")
}

// whileSlow calls a command while Postgres does not answer, until the workflow has made an activity of its request.
func (s *stack) whileSlow(l links, args ...string) result {
	s.t.Helper()
	l.postgres.set(linkBlackhole)
	done := make(chan result, 1)
	go func() { done <- s.cli(args...) }()
	s.eventually("the activity", func() bool {
		for _, event := range s.history(ports.WorkflowID(s.name), "").Events {
			if slowStep(event) {
				require.Equal(s.t, ports.AuthorizationTaskQueue(s.queue),
					event.GetActivityTaskScheduledEventAttributes().GetTaskQueue().GetName())
				return true
			}
		}
		return false
	})
	l.postgres.set(linkOpen)
	return <-done
}
