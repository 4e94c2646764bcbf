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
	return l.judge(path, err, transcript.Calls, events)
}

// replayPart is replay of the beginning of the history at path: what the workflow does is the transcript's beginning.
func replayPart(path string, history *historypb.History, transcript *Transcript,
	register func(worker.WorkflowRegistry)) error {
	var l listener
	events := held(history)
	err := l.replay(history, transcript.Run, register)
	return l.judge(path, err, transcript.Calls[:min(len(l.calls), len(transcript.Calls))], events)
}

// Fails requires that no history of the corpus replays through what register registers, and that each error says why.
func Fails(t *testing.T, corpus, why string, register func(worker.WorkflowRegistry)) {
	t.Helper()
	for _, path := range Histories(t, corpus) {
		err := Replay(t, path, register)
		require.ErrorContains(t, err, why, path)
	}
}

// transcribe replays the history at path, which was just recorded, and gives its transcript.
func transcribe(t testing.TB, path, run string, register func(worker.WorkflowRegistry)) (*Transcript, error) {
	t.Helper()
	var l listener
	history := Read(t, path)
	events := held(history)
	err := l.replay(history, run, register)
	return &Transcript{Run: run, Calls: l.calls}, l.judge(path, err, l.calls, events)
}

// judge is an error about the first difference, nil if there is none. A transcript has one call a line, below its head.
func (l *listener) judge(path string, replayed error, recorded []Call, events content) error {
	where := func(i int) string { return fmt.Sprintf("%s:%d: call %d", transcriptOf(path), i+2, i+1) }
	err := differ(where, "recorded", lines(recorded), "now", lines(l.calls))
	if err == nil && events != nil {
		if err = events.compare(l.calls, l.limit); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if replayed != nil {
		replayed = fmt.Errorf("%s: the SDK: %w", path, replayed)
	}
	return errors.Join(err, replayed)
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
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(),
			RunID: run}})
}
