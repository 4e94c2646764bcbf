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
	l.postgres.set(linkBlackhole)
	renewed := make(chan result, 1)
	go func() { renewed <- s.cli("cert", "renew", s.name) }()
	s.eventually("the activity", func() bool {
		for _, event := range s.history(ports.WorkflowID(s.name), "").Events {
			scheduled := event.GetActivityTaskScheduledEventAttributes()
			if scheduled.GetActivityType().GetName() == ports.RecordRequest.Name {
				require.Equal(t, ports.AuthorizationTaskQueue(s.queue), scheduled.GetTaskQueue().GetName())
				return true
			}
		}
		return false
	})
	l.postgres.set(linkOpen)
	(<-renewed).exits(t, 0)
	history := s.rested(s.name)
	require.False(t, has(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT), "the second try is answered")
	keep(t, corpus, slowPostgres, history)
}
