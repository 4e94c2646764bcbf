package replaytest

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Replay runs the history at path through what register registers, with the worker's interceptors that may matter to
// it. It compares what the workflow does with the history's events and with the transcript.
func Replay(t testing.TB, path string, register func(worker.WorkflowRegistry),
	interceptors ...interceptor.WorkerInterceptor) error {
	t.Helper()
	l := listener{others: interceptors}
	history, transcript := Read(t, path), readTranscript(t, path)
	events := held(history) // before the replay: the SDK merges what a run upserts into the history's first event
	err := l.replay(history, transcript.Run, register)
	return l.judge(err, transcript.Calls, events)
}

// replayPart is replay of a history's beginning: what the workflow does is the transcript's beginning.
func replayPart(history *historypb.History, transcript *Transcript, register func(worker.WorkflowRegistry)) error {
	var l listener
	events := held(history)
	err := l.replay(history, transcript.Run, register)
	return l.judge(err, transcript.Calls[:min(len(l.calls), len(transcript.Calls))], events)
}

// Fails requires that no history of the corpus replays through what register registers, and that each error says why.
func Fails(t *testing.T, corpus, why string, register func(worker.WorkflowRegistry)) {
	t.Helper()
	for _, path := range Histories(t, corpus) {
		err := Replay(t, path, register)
		require.ErrorContains(t, err, why, path)
		require.ErrorContains(t, err, hint)
	}
}

// Transcribe replays a history that was just recorded, and gives its transcript.
func Transcribe(history *historypb.History, run string, register func(worker.WorkflowRegistry)) (*Transcript, error) {
	var l listener
	events := held(history)
	err := l.replay(history, run, register)
	return &Transcript{Run: run, Calls: l.calls}, l.judge(err, l.calls, events)
}

// judge is an error about the first difference, nil if there is none.
func (l *listener) judge(replayed error, recorded []Call, events content) error {
	err := differ("call", "recorded", lines(recorded), "now", lines(l.calls))
	if err == nil && events != nil {
		err = events.compare(l.calls, l.limit)
	}
	if err = errors.Join(err, replayed); err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s", err, hint)
}

func (l *listener) replay(history *historypb.History, run string, register func(worker.WorkflowRegistry)) error {
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	if started.GetWorkflowId() == "" {
		return errors.New("the workflow reads its ID, which this history does not have")
	}
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DisableRegistrationAliasing: true, Interceptors: append(l.others, l),
	})
	if err != nil {
		return err
	}
	l.limit = started.GetWorkflowRunTimeout().AsDuration()
	register(replayer)
	return replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: run}})
}
