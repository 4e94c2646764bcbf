package ops

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// start gives a listener whose looks are never kept.
func start(t *testing.T, logger *slog.Logger) *Listener {
	t.Helper()
	l := NewListener(Config{Listen: "127.0.0.1:0"}, logger)
	l.fresh = 0
	require.NoError(t, l.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, l.Stop(context.Background())) })
	return l
}

func get(t *testing.T, l *Listener, path string) (int, string) {
	t.Helper()
	response, err := http.Get("http://" + l.Addr() + path)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestALifeOfAProcess(t *testing.T) {
	t.Parallel()
	l := start(t, nil)
	says := func(live, ready int, livez, readyz string) {
		t.Helper()
		code, body := get(t, l, "/livez")
		require.Equal(t, live, code)
		require.Equal(t, livez, body)
		code, body = get(t, l, "/readyz")
		require.Equal(t, ready, code)
		require.Equal(t, readyz, body)
	}
	says(200, 503, "ok   process: starting: the process itself\n", "FAIL process: starting: the process itself\n")
	l.Starting("waiting for Postgres")
	says(200, 503, "ok   process: starting: waiting for Postgres\n", "FAIL process: starting: waiting for Postgres\n")

	var away, stuck atomic.Bool
	l.Running("runs it all",
		Check{Name: "schema", Run: func(context.Context) (string, error) {
			if away.Load() {
				return "", domain.NewFault(domain.FaultWait, "DatabaseUnavailable", errors.New("cut"),
					"Postgres is out of reach")
			}
			return "version 2", nil
		}},
		Check{Name: "polls", Vital: true, Run: func(context.Context) (string, error) {
			if stuck.Load() {
				return "", errors.New("stuck")
			}
			return "come back", nil
		}})
	says(200, 200, "ok   process: runs it all\nok   polls: come back\n",
		"ok   process: runs it all\nok   schema: version 2\nok   polls: come back\n")
	away.Store(true)
	says(200, 503, "ok   process: runs it all\nok   polls: come back\n",
		"ok   process: runs it all\nFAIL schema: Postgres is out of reach: cut\nok   polls: come back\n")
	away.Store(false)
	stuck.Store(true)
	says(503, 503, "ok   process: runs it all\nFAIL polls: stuck\n",
		"ok   process: runs it all\nok   schema: version 2\nFAIL polls: stuck\n")

	l.Draining("SIGTERM was received")
	says(200, 503, "ok   process: draining: SIGTERM was received\n", "FAIL process: draining: SIGTERM was received\n")
	l.Failed(errors.New("polls are refused"))
	l.Draining("too late")
	says(503, 503, "FAIL process: ended: polls are refused\n", "FAIL process: ended: polls are refused\n")
}

func TestWhatIsAnswered(t *testing.T) {
	t.Parallel()
	l := start(t, nil)
	code, _ := get(t, l, "/metrics")
	require.Equal(t, http.StatusNotFound, code, "no metrics yet")
	l.Metrics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_,
			_ = io.WriteString(w, "everleaf_up 1\n")
	}))
	code, body := get(t, l, "/metrics")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "everleaf_up 1\n", body)
	l.Metrics(nil)
	code, _ = get(t, l, "/metrics")
	require.Equal(t, http.StatusNotFound, code)
	code, _ = get(t, l, "/")
	require.Equal(t, http.StatusNotFound, code)

	for method, want := range map[string]int{http.MethodHead: 503, http.MethodPost: 405} {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.Addr()+"/readyz", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode, method)
		if method == http.MethodHead {
			require.Empty(t, body)
			require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		}
	}
}

func TestATurnIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := start(t, slog.New(slog.NewTextHandler(&log, nil)))
	var away atomic.Bool
	l.Running("runs", Check{Name: "temporal", Run: func(context.Context) (string, error) {
		if away.Load() {
			return "", errors.New("gone")
		}
		return "there", nil
	}})
	for _, is := range []bool{false, false, true, true, false} {
		away.Store(is)
		get(t, l, "/readyz")
	}
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("check fails")))
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("check passes again")))
	require.Contains(t, log.String(), "operations listener started\" listen="+l.Addr())
}

func TestAnAddressThatIsTaken(t *testing.T) {
	t.Parallel()
	first := start(t, nil)
	second := NewListener(Config{Listen: first.Addr()}, nil)
	err := second.Start(t.Context())
	fault := domain.AsFault(err)
	require.EqualValues(t, "ListenFailed", fault.Reason)
	require.Equal(t, domain.FaultOperator, fault.Kind)
	require.ErrorContains(t, err, `--ops-listen (EVERLEAF_OPS_LISTEN) "`+first.Addr())
	require.NoError(t, second.Stop(t.Context()), "a listener that never started")
	require.Less(t, checkBound+slack, writeTimeout-time.Second, "the slowest answer can be written")
}
