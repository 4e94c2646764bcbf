package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/mocks"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// output collects what is printed, also from the goroutine that shows progress.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// bench is a command line whose parts beyond it are mocks.
type bench struct {
	kit
	out, err  *output
	keeper    *mocks.MockEditor
	catalog   *mocks.MockCatalog
	timelines *mocks.MockTimelines
	// onlooker is the keeper if it sees what is at work.
	onlooker func() app.Editor
	// config is what the command asked package app for.
	config        app.Config
	exportRequest app.ExportRequest
	closed        int
	// findings are what the doctor finds, responderName is what it was asked to look at.
	findings      []app.Finding
	responderName string
	// running are the processes in the table.
	running []app.Process
	// lost is what is lost, forget whether it was to be forgotten.
	lost   app.LostSecrets
	forget bool
	// resealed is what a resealing has done, resealProgress what it reports meanwhile.
	resealed       app.Resealed
	resealProgress func(progress func(done, of int))
}

// exits requires that a command ended with this code, and shows what it printed if it did not.
func (b *bench) exits(t *testing.T, want, code int) {
	t.Helper()
	require.Equal(t, want, code, "stdout:\n%s\nstderr:\n%s", b.out, b.err)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	clean(t)
	controller := gomock.NewController(t)
	t.Cleanup(controller.Finish)
	b := &bench{
		out: &output{}, err: &output{},
		keeper: mocks.NewMockEditor(controller), catalog: mocks.NewMockCatalog(controller),
		timelines: mocks.NewMockTimelines(controller),
	}
	closer := func() { b.closed++ }
	b.kit = kit{
		in: strings.NewReader(""), out: b.out, err: b.err, now: func() time.Time { return noon },
		poll:     time.Millisecond,
		terminal: func() (int, bool) { return 0, false },
		worker:   func(_ context.Context, c app.Config, _ *slog.Logger) error { b.config = c; return nil },
		migrate: func(_ context.Context, c app.Config) (int64, int64, error) {
			b.config = c
			return 1, 3, nil
		},
		migrateTemporal: func(_ context.Context, c app.Config, _ *slog.Logger) ([]string, error) {
			b.config = c
			return []string{"A", "B"}, nil
		},
		keeper: func(c app.Config, _ *slog.Logger) (app.Editor, func(), error) {
			b.config = c
			if b.onlooker != nil {
				return b.onlooker(), closer, nil
			}
			return b.keeper, closer, nil
		},
		timelines: func(_ context.Context, c app.Config) (app.Timelines, func(), error) {
			b.config = c
			return b.timelines, closer, nil
		},
		catalog: func(_ context.Context, c app.Config) (app.Catalog, func(), error) {
			b.config = c
			return b.catalog, closer, nil
		},
		doctor: func(_ context.Context, c app.Config, responderName string, _ *slog.Logger) []app.Finding {
			b.config, b.responderName = c, responderName
			return b.findings
		},
		processes: func(_ context.Context, c app.Config) ([]app.Process, error) {
			b.config = c
			return b.running, nil
		},
		reseal: func(_ context.Context, c app.Config, progress func(done, of int)) (app.Resealed, error) {
			b.config = c
			b.resealProgress(progress)
			return b.resealed, nil
		},
		forgetLost: func(_ context.Context, c app.Config, forget bool) (app.LostSecrets, error) {
			b.config, b.forget = c, forget
			return b.lost, nil
		},
		export: func(_ context.Context, c app.Config, request app.ExportRequest) (app.Exported, error) {
			b.config, b.exportRequest = c, request
			return app.Exported{ChainPEM: []byte("chain\n"), KeyPEM: []byte("very secret\n"),
				Record: app.Record{Issued: issued()}}, nil
		},
	}
	return b
}

// clean keeps the settings of the person who runs the tests out of them, and puts them back afterwards.
func clean(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "EVERLEAF_") || strings.HasPrefix(name, "TEMPORAL_") {
			t.Setenv(name, "") // remembers the old value
			require.NoError(t, os.Unsetenv(name))
		}
	}
}

func (b *bench) run(ctx context.Context, args ...string) int { return run(ctx, args, b.kit) }

func issued() *app.Issued {
	return &app.Issued{
		Version: "v1", Issuer: "default", IssuerCN: "Test CA", Names: []string{"www.example.com"}, Serial: "0a1b",
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(90 * 24 * time.Hour),
	}
}
