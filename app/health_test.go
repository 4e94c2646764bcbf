package app

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"everleaf/domain"
)

// What a worker cannot recover from ends the process with the first reason, and is reported while it drains.
func TestAFatalFaultEndsTheProcess(t *testing.T) {
	t.Parallel()
	config := settings(t)
	h, err := openHealth(t.Context(), config, quiet())
	require.NoError(t, err)
	t.Cleanup(func() { h.close(quiet()) })
	var end *outcome
	process := fx.New(fx.NopLogger, fx.Supply(config, h, quiet()), fx.Provide(newOutcome), fx.Populate(&end),
		fx.Invoke(keepHealth))
	require.NoError(t, process.Start(t.Context()))
	livez := func() (int, string) {
		response, err := http.Get("http://" + h.Addr() + "/livez")
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	status, body := livez()
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ok   process: runs "+JoinRoles(config.Roles)+"\n", body)
	require.NoError(t, end.err())

	gone := domain.NewFault(domain.FaultOperator, "UnknownNamespace", nil, "no namespace")
	end.fatal(gone)
	end.fatal(errors.New("and all the other workers"))
	require.Equal(t, 1, (<-process.Wait()).ExitCode)
	require.NoError(t, process.Stop(t.Context()))
	require.Same(t, gone, end.err())
	status, body = livez()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "FAIL process: ended: no namespace\n", body)
}

// The listener is there before all else, so its own trouble is reported first, and nobody else is contacted.
func TestAnOpsAddressThatIsTaken(t *testing.T) {
	t.Parallel()
	config := settings(t)
	h, err := openHealth(t.Context(), config, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { h.close(quiet()) })
	config.Ops.Listen = h.Addr()
	err = RunWorker(t.Context(), config, quiet())
	require.EqualValues(t, "ListenFailed", domain.AsFault(err).Reason)
	require.ErrorContains(t, err, "--ops-listen (EVERLEAF_OPS_LISTEN)")
}
