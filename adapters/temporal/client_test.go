package temporal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/internal/connection"
	"everleaf/adapters/servertest"
	"everleaf/domain"
)

type server struct {
	client client.Client
	config Config
}

// connect gives a client of the shared server and a task queue of the test's own.
func connect(t *testing.T) server {
	t.Helper()
	address := servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL")
	return dial(t, address, "default")
}

func dial(t *testing.T, address, namespace string) server {
	t.Helper()
	config := Config{
		Client:    client.Options{HostPort: address, Namespace: namespace},
		TaskQueue: "test-" + uuid.NewString(),
	}
	c, err := NewClient(config, quiet())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return server{client: c, config: config}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func unique(t *testing.T) string {
	t.Helper()
	return "test-" + uuid.NewString()
}

func bounded(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// requireFault checks the kind, the reason (if one is given) and that the message names the thing.
func requireFault(t *testing.T, err error, kind domain.FaultKind, reason domain.Reason, says string) {
	t.Helper()
	var fault *domain.Fault
	require.True(t, errors.As(err, &fault), "want a fault, got %v", err)
	require.Equal(t, kind, fault.Kind, fault.Error())
	if reason != "" {
		require.EqualValues(t, reason, fault.Reason)
	}
	require.Contains(t, fault.Error(), says)
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// silentPort is an address where somebody accepts connections and never says a word.
func silentPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func TestWaitReachable(t *testing.T) {
	t.Parallel()
	s := connect(t)
	require.NoError(t, WaitReachable(bounded(t, 10*time.Second), s.client, s.config, quiet()))

	other := dial(t, s.config.Client.HostPort, "nowhere")
	var log bytes.Buffer
	err := WaitReachable(bounded(t, time.Second), other.client, other.config, slog.New(slog.NewTextHandler(&log, nil)))
	requireFault(t, err, domain.FaultOperator, "UnknownNamespace", `no namespace "nowhere"`)
	require.Contains(t, log.String(), "waiting for Temporal at "+s.config.Client.HostPort)
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "once, however long it takes: %s", log.String())

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, WaitReachable(cancelled, other.client, other.config, quiet()), context.Canceled)
}

func TestUnreachableIsBoundedAndNamesTheAddress(t *testing.T) {
	t.Parallel()
	for title, address := range map[string]string{"nobody listens": closedPort(t), "nobody answers": silentPort(t)} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := dial(t, address, "default")
			began := time.Now()
			err := WaitReachable(bounded(t, time.Second), s.client, s.config, quiet())
			requireFault(t, err, domain.FaultWait, "TemporalUnreachable", address)
			require.Contains(t, err.Error(), "TEMPORAL_ADDRESS")
			require.Less(t, time.Since(began), 2*connection.ProbeTimeout)
		})
	}
}

func TestOptionsFollowTheConvention(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte(`
[profile.default]
address = "file:7233"
[profile.blue]
address = "blue:7233"
namespace = "blue"
`), 0o600))
	for _, c := range []struct {
		title              string
		env                map[string]string
		settings           Settings
		address, namespace string
	}{
		{"nothing set", nil, Settings{}, "localhost:7233", "default"},
		{"file", map[string]string{"TEMPORAL_CONFIG_FILE": file}, Settings{}, "file:7233", "default"},
		{"file by setting", nil, Settings{ConfigFile: file}, "file:7233", "default"},
		{"profile", map[string]string{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_PROFILE": "blue"}, Settings{},
			"blue:7233", "blue"},
		{"environment above file", map[string]string{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "env:1"},
			Settings{}, "env:1", "default"},
		{"setting above environment", map[string]string{"TEMPORAL_ADDRESS": "env:1"},
			Settings{Address: "flag:1", Namespace: "n"}, "flag:1", "n"},
		{"empty is unset", map[string]string{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": ""}, Settings{},
			"file:7233", "default"},
	} {
		t.Run(c.title, func(t *testing.T) {
			clean(t)
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			options, err := Options(c.settings)
			require.NoError(t, err)
			require.Equal(t, c.address, options.HostPort)
			require.Equal(t, c.namespace, options.Namespace)
		})
	}
	clean(t)
	options, err := Options(Settings{APIKey: "word"})
	require.NoError(t, err)
	require.NotNil(t, options.Credentials)
	require.NotNil(t, options.ConnectionOptions.TLS, "an API key asks for TLS")
	_, err = Options(Settings{Profile: "green", ConfigFile: file})
	requireFault(t, err, domain.FaultOperator, "TemporalSettings", "green")
	for _, no := range []string{"false", "FALSE", "0", ""} {
		options, err := Options(Settings{TLS: no})
		require.NoError(t, err, no)
		require.Nil(t, options.ConnectionOptions.TLS, no)
	}
	_, err = Options(Settings{TLS: "yes"})
	requireFault(t, err, domain.FaultOperator, "TemporalSettings",
		`--temporal-tls (TEMPORAL_TLS) "yes" cannot work: use true or false`)
	_, err = Options(Settings{DisableVerification: "no"})
	requireFault(t, err, domain.FaultOperator, "TemporalSettings",
		`--temporal-tls-disable-host-verification (TEMPORAL_TLS_DISABLE_HOST_VERIFICATION) "no"`)
	_, err = Options(Settings{ConfigFile: "/no/such.toml"})
	requireFault(t, err, domain.FaultOperator, "TemporalSettings",
		`--temporal-config-file (TEMPORAL_CONFIG_FILE) "/no/such.toml"`)
	t.Setenv("TEMPORAL_CONFIG_FILE", "/no/such.toml")
	_, err = Options(Settings{})
	requireFault(t, err, domain.FaultOperator, "TemporalSettings", "/no/such.toml")
}

// clean keeps the settings of the person who runs the tests out of them.
func clean(t *testing.T) {
	t.Helper()
	for _, key := range []string{"ADDRESS", "NAMESPACE", "API_KEY", "PROFILE", "TLS"} {
		t.Setenv("TEMPORAL_"+key, "")
	}
	file := filepath.Join(t.TempDir(), "empty.toml")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv("TEMPORAL_CONFIG_FILE", file)
}
