package main

import (
	"context"
	"log/slog"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
	"everleaf/mocks"
)

// queued is a keeper that knows of task queues.
type queued struct {
	*mocks.MockEditor
	queue string
	fault error
}

func (q queued) CheckQueue(context.Context, string) (string, error) { return q.queue, q.fault }

func TestARequestThatNobodyWouldCarryOut(t *testing.T) {
	nobody := domain.NewFault(domain.FaultWait, domain.ReasonNoWorker, nil, "no worker answers on task queue")
	for _, c := range []struct {
		title  string
		queue  string
		fault  error
		flags  []string
		asked  bool
		stderr string
	}{
		{"nobody polls", "everleaf", nobody, nil, false,
			"everleaf: no worker answers on task queue; with --start-anyway the request is sent anyway, and carried out when a worker starts (Wait/NoWorker)\n"},
		{"wanted anyway", "everleaf", nobody, []string{"--start-anyway"}, true, ""},
		{"on another queue", "elsewhere", nil, nil, true,
			"www: its workflow is on task queue elsewhere, not on everleaf (--task-queue, EVERLEAF_TASK_QUEUE)\n"},
		{"as it should be", "everleaf", nil, nil, true, ""},
		{"a server that is away is for the request to say", "",
			domain.NewFault(domain.FaultWait, domain.ReasonTemporalUnreachable, nil, "away"), nil, true, ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			b := newBench(t)
			b.kit.keeper = func(app.Config, *slog.Logger) (app.Editor, func(), error) {
				return queued{b.keeper, c.queue, c.fault}, func() {}, nil
			}
			b.keeper.EXPECT().Status(gomock.Any(), gomock.Any()).AnyTimes().Return(app.Status{}, nil)
			want := exitProblem
			if c.asked {
				b.keeper.EXPECT().Renew(gomock.Any(), "www", gomock.Any()).Return(app.Status{Name: "www"}, nil)
				want = exitOK
			}
			b.exits(t, want, b.run(t.Context(), append([]string{"cert", "renew", "www"}, c.flags...)...))
			require.Equal(t, c.stderr, b.err.String())
		})
	}
}
