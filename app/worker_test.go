package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"everleaf/adapters/acme"
	"everleaf/adapters/ops"
	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/servertest"
	"everleaf/adapters/temporal"
	"everleaf/domain"
	"everleaf/migrations"
	"everleaf/ports"
)

// log collects a worker's log while it is written.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func quiet() *slog.Logger { return NewLogger(io.Discard, Log{}) }

// settings is a config that passes each check but those that need a server.
func settings(t *testing.T) Config {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	file := filepath.Join(t.TempDir(), "sealing.key")
	require.NoError(t, os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString(key)), 0o600))
	noProfile := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(noProfile, nil, 0o600))
	c := Config{Roles: AllRoles()}
	c.Postgres.URL = "postgres://u:pass-word@" + closedPort(t) + "/everleaf?sslmode=disable"
	c.Sealing.KeyURL = "file://" + file
	c.Issuers = []acme.Config{{Issuer: "default", Directory: "https://" + closedPort(t) + "/dir"}}
	c.HTTP01.Listen, c.HTTP01.CheckPort = "127.0.0.1:0", 80
	c.DNS01.CheckPort = 53
	c.Ops.Listen = "127.0.0.1:0"
	c.Temporal.Settings = temporal.Settings{Address: closedPort(t), Namespace: "default", ConfigFile: noProfile}
	c.Temporal.TaskQueue = "test-" + uuid.NewString()
	c.StartTimeout, c.StopTimeout = 500*time.Millisecond, 5*time.Second
	return c
}

// withServers gives a config that the worker can start with.
func withServers(t *testing.T) Config {
	t.Helper()
	address := servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL")
	c := settings(t)
	_, c.Postgres.URL = postgrestest.New(t)
	c.Temporal.Settings.Address = address
	c.StartTimeout = 20 * time.Second
	_, err := MigrateTemporal(t.Context(), c, quiet())
	require.NoError(t, err)
	return c
}

// idle is a health that nobody can ask.
func idle() *health { return &health{Listener: ops.NewListener(ops.Config{}, nil)} }

func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func TestEveryPartIsThere(t *testing.T) {
	t.Parallel()
	for _, chosen := range []string{JoinRoles(AllRoles()), "workflows", "authorization", "delivery", "delivery,pull",
		"nexus", "nexus,responder", "responder", "pull"} {
		c := settings(t)
		var err error
		c.Roles, err = ParseRoles(chosen)
		c.Pull = pullAt("127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, fx.ValidateApp(Worker(t.Context(), c, idle(), quiet())), chosen)
	}
}

func TestWorkerSaysWhatKeepsItFromStarting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		title   string
		servers bool
		change  func(t *testing.T, c *Config) (says string)
		reason  string
	}{
		{"malformed sealing key", false, func(_ *testing.T, c *Config) string {
			c.Sealing.KeyURL = "file:relative"
			return "--sealing-key (EVERLEAF_SEALING_KEY) cannot work: it "
		}, "SealingKeyMalformed"},
		{"malformed setting", false, func(_ *testing.T,
			c *Config) string {
			c.HTTP01.CheckPort = 0
			return "--http01-check-port"
		}, "InvalidSetting"},
		{"no Postgres", false, func(_ *testing.T, c *Config) string { return addressOf(c.Postgres.URL) },
			"DatabaseUnreachable"},
		{"no Postgres, with or without TLS", false, func(_ *testing.T, c *Config) string {
			c.Postgres.URL = strings.Replace(c.Postgres.URL, "disable", "prefer", 1)
			return addressOf(c.Postgres.URL)
		}, "DatabaseUnreachable"},
		{"another sealing key", true, func(t *testing.T, c *Config) string {
			sealing, err := openSealing(t.Context(), c.Sealing)
			require.NoError(t, err)
			pool, err := openPool(t.Context(), *c)
			require.NoError(t, err)
			defer pool.Close()
			require.NoError(t, postgres.CheckSealing(t.Context(), pool, sealing))
			c.Sealing = settings(t).Sealing
			return "give that one"
		}, "SealingKeyWrong"},
		{"bad directory", true, func(_ *testing.T, c *Config) string {
			c.Issuers[0].Directory = "http://ca.example"
			return "http://ca.example"
		}, "InvalidSetting"},
		{"schema too old", true, func(t *testing.T, c *Config) string {
			c.Postgres.URL = postgrestest.Empty(t)
			return "everleaf migrate"
		}, "SchemaTooOld"},
		{"no Temporal", true, func(t *testing.T, c *Config) string {
			c.Temporal.Settings.Address, c.StartTimeout = closedPort(t), 2*time.Second
			return c.Temporal.Settings.Address
		}, "TemporalUnreachable"},
		{"unknown namespace", true, func(_ *testing.T, c *Config) string {
			c.Temporal.Settings.Namespace, c.StartTimeout = "nowhere", 2*time.Second
			return "nowhere"
		}, "UnknownNamespace"},
	} {
		t.Run(c.title, func(t *testing.T) {
			t.Parallel()
			config := settings(t)
			if c.servers {
				config = withServers(t)
			}
			says := c.change(t, &config)
			began := time.Now()
			logged := &log{}
			err := RunWorker(t.Context(), config, NewLogger(logged, Log{}))
			var fault *domain.Fault
			require.True(t, errors.As(err, &fault), "want a fault, got %v", err)
			require.EqualValues(t, c.reason, fault.Reason)
			require.Contains(t, err.Error(), says)
			require.NotContains(t, err.Error(), "\n", "one line")
			require.LessOrEqual(t, strings.Count(err.Error(), "connection refused"), 1, err)
			require.LessOrEqual(t, strings.Count(err.Error(), "EVERLEAF_SEALING_KEY)"), 1, err)
			waitsFor := map[string]string{
				"DatabaseUnreachable": "waiting for Postgres at ", "TemporalUnreachable": "waiting for Temporal at ",
				"UnknownNamespace": "waiting for Temporal at ",
			}[c.reason]
			require.Contains(t, logged.String(), waitsFor)
			require.Equal(t, waitsFor != "", strings.Contains(logged.String(), "waiting for"), logged)
			require.NotContains(t, err.Error()+logged.String(), "pass-word")
			require.Less(t, time.Since(began), startStages*config.StartTimeout+10*time.Second)
		})
	}
}

func addressOf(url string) string {
	_, rest, _ := strings.Cut(url, "@")
	address, _, _ := strings.Cut(rest, "/")
	return address
}

// The worker answers for its task queue, and ends without error when it is asked to.
func TestWorkerStartsAndDrains(t *testing.T) {
	t.Parallel()
	config, logged := withServers(t), &log{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- RunWorker(ctx, config, NewLogger(logged, Log{Format: "json", Level: slog.LevelDebug}))
	}()

	keeper, closer, err := OpenKeeper(config, quiet())
	require.NoError(t, err)
	defer closer()
	name := "test-" + uuid.NewString()
	short, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	go func() { _, _ = keeper.Ensure(short, name, Spec{Names: []string{"www.example.com"}}) }()
	require.Eventually(t, func() bool {
		status, err := keeper.Status(t.Context(), name)
		return err == nil && status.Name == name
	}, 30*time.Second, 50*time.Millisecond, "the worker runs the real workflow: %s", logged)

	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(config.StopBudget().Total() + time.Second):
		t.Fatalf("the worker did not end in its stop budget: %s", logged)
	}
	require.Contains(t, logged.String(), "worker started")
	require.Contains(t, logged.String(), "Stopped Worker")
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	require.Regexp(t, `"msg":"everleaf stopped","took":"[0-9.]+m?s"`, lines[len(lines)-1])
	require.NotContains(t, logged.String(), config.Postgres.URL)
}

func TestMigrateTwice(t *testing.T) {
	t.Parallel()
	c := settings(t)
	c.Postgres.URL, c.StartTimeout = postgrestest.Empty(t), 20*time.Second
	for _, before := range []int64{0, migrations.Version()} {
		from, to, err := Migrate(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, before, from)
		require.Equal(t, migrations.Version(), to)
	}
	catalog, closer, err := OpenCatalog(t.Context(), c)
	require.NoError(t, err)
	defer closer()
	page, err := catalog.List(t.Context(), ports.CertificateFilter{}, "", 10)
	require.NoError(t, err)
	require.Zero(t, page)
	_, err = Export(t.Context(), c, ExportRequest{Name: "nobody"})
	require.EqualValues(t, "UnknownCertificate", domain.AsFault(err).Reason)
}
