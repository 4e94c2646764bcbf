package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"everleaf/adapters/servertest"
)

// opsAddress is in a line of either log format.
var opsAddress = regexp.MustCompile(`operations listener started.*listen(?:=|":")([^\s"]+)`)

// opsURL waits until a worker has said where its operations listener is: the address of the last one that has.
func (s *stack) opsURL() (url string) {
	s.t.Helper()
	s.eventually("the operations listener", func() bool {
		found := opsAddress.FindAllStringSubmatch(s.log.String(), -1)
		if len(found) > 0 {
			url = "http://" + found[len(found)-1][1]
		}
		return url != ""
	})
	return url
}

// watched is a worker process whose Temporal is behind a proxy, and which is asked for its health.
type watched struct {
	*process
	s        *stack
	temporal *grpcProxy
	url      string
}

// watch launches a worker; when it answers, the start may still be waiting.
func (s *stack) watch(proxy *grpcProxy) *watched {
	s.t.Helper()
	s.set("TEMPORAL_ADDRESS", proxy.Address)
	w := &watched{process: s.launch(), s: s, temporal: proxy}
	w.url = s.opsURL()
	return w
}

func (w *watched) get(path string) (status int, body string) {
	w.t.Helper()
	response, err := http.Get(w.url + path)
	require.NoError(w.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return response.StatusCode, string(text)
}

// fails waits until readiness fails with this line, and liveness does not.
func (w *watched) fails(line string) {
	w.t.Helper()
	w.turns("readiness to say "+line, func(status int, body string) bool {
		return status == 503 &&
			strings.Contains(body, line)
	})
}

// says waits for a line of readiness.
func (w *watched) says(line string) {
	w.t.Helper()
	w.turns("readiness to say "+line, func(_ int, body string) bool { return strings.Contains(body, line) })
}

// ready waits until all is well.
func (w *watched) ready() (body string) {
	w.t.Helper()
	w.turns("readiness", func(status int, text string) bool { body = text; return status == 200 })
	require.NotContains(w.t, body, "FAIL")
	return body
}

func (w *watched) turns(what string, done func(int, string) bool) {
	w.t.Helper()
	var body string
	defer func() {
		if w.t.Failed() {
			w.t.Log("readyz said:\n" + body)
		}
	}()
	w.s.eventually(what, func() bool {
		var status int
		status, body = w.get("/readyz")
		return done(status, body)
	})
	status, live := w.get("/livez")
	require.Equal(w.t, 200, status, live)
}

func upstream(t testing.TB) string { return servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL") }

// admin runs a statement on the server, outside of the stack's database.
func admin(t testing.TB, format string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, servertest.Setting(t, "EVERLEAF_TEST_POSTGRES"))
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, fmt.Sprintf(format, args...))
	require.NoError(t, err)
}

// Each check fails, in words, when its part is really gone, and is good again when that returns; the process lives on.
func TestReadiness(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	// A database user of its own, who can be locked out.
	user := strings.ReplaceAll(s.name, "-", "_")
	admin(t, "CREATE ROLE %s SUPERUSER LOGIN", user)
	t.Cleanup(func() { admin(t, "DROP ROLE %s", user) })
	database := s.pool.Config().ConnConfig.Database
	as, err := url.Parse(s.pool.Config().ConnString())
	require.NoError(t, err)
	as.User = url.User(user)
	s.set("EVERLEAF_POSTGRES_URL", as.String())
	cut := func() {
		admin(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'", database)
	}

	proxy := newGRPCProxy(t, upstream(t))
	free := proxy.hold()
	w := s.watch(proxy)
	w.fails("FAIL pollers: the server does not see ")
	free()
	body := w.ready()
	require.Contains(t, body, "ok   schema: version ")
	require.Contains(t, body, "ok   temporal: "+proxy.Address+` answers for namespace "default"`)
	require.Contains(t, body, "ok   pollers: "+s.queue+" (workflow) ")
	require.Contains(t, body, s.queue+"-authorization (activity) ")
	require.Contains(t, body, "ok   responder: answers at "+s.http01)

	_, err = s.pool.Exec(t.Context(), `INSERT INTO everleaf_schema (version_id, is_applied) VALUES (99999, true)`)
	require.NoError(t, err)
	w.says("ok   schema: version 99999") // newer, and good enough
	_, err = s.pool.Exec(t.Context(), `UPDATE everleaf_compatibility SET min_version = 99999`)
	require.NoError(t, err)
	w.fails("FAIL schema: the database has schema version 99999, which does not suit this binary")
	_, err = s.pool.Exec(t.Context(), `UPDATE everleaf_compatibility SET min_version = 1`)
	require.NoError(t, err)
	w.ready()
	_, err = s.pool.Exec(t.Context(), `UPDATE everleaf_schema SET is_applied = false WHERE version_id > 0`)
	require.NoError(t, err)
	w.fails("run `everleaf migrate`")
	_, err = s.pool.Exec(t.Context(), `UPDATE everleaf_schema SET is_applied = true WHERE version_id BETWEEN 1 AND 99998`)
	require.NoError(t, err)
	w.ready()

	admin(t, "ALTER DATABASE %s ALLOW_CONNECTIONS false", database)
	cut()
	w.fails("FAIL schema: Postgres refuses connections: check user, password and database of --postgres-url (EVERLEAF_POSTGRES_URL)")
	admin(t, "ALTER DATABASE %s ALLOW_CONNECTIONS true", database)
	w.ready()

	admin(t, "ALTER ROLE %s NOLOGIN", user)
	cut()
	w.fails("is not permitted to log in")
	answer := s.cli("cert", "ensure", s.name+"-locked-out", "--name", "out.example.test", "--timeout", "60s")
	answer.exits(t, 1)
	require.Contains(t, answer.stderr, "(Operator/DatabaseRefused)")
	admin(t, "ALTER ROLE %s LOGIN", user)
	w.ready()

	proxy.stop()
	w.fails("FAIL temporal: Temporal does not answer at " + proxy.Address)
	proxy.start()
	w.ready()

	// A blip: the process stays, and works again.
	proxy.refuse(codes.PermissionDenied)
	w.fails("FAIL pollers: Temporal at " + proxy.Address + ` refuses these credentials for namespace "default"`)
	proxy.refuse(codes.OK)
	s.must("cert", "ensure", s.name, "--name", "blip.example.test")
	w.ready()
	w.stop()
}

// The SDK would poll on for ever with credentials that are refused; the process ends and says why.
func TestLostCredentialsEndTheProcess(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_CREDENTIALS_GRACE", "2s")
	s.set("EVERLEAF_WORKER_VERSIONING", "true")
	s.set("EVERLEAF_BUILD_ID", "health")
	proxy := newGRPCProxy(t, upstream(t))
	w := s.watch(proxy)
	w.ready() // the server keeps the pollers of each version apart
	proxy.refuse(codes.Unauthenticated)
	select {
	case <-w.done:
	case <-time.After(60 * time.Second):
		t.Fatalf("the process goes on without credentials: %s", s.log)
	}
	require.Equal(t, 1, w.cmd.ProcessState.ExitCode(), s.log)
	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	last := lines[len(lines)-1]
	require.Contains(t, last, "everleaf: Temporal at "+proxy.Address+" refuses these credentials")
	require.Contains(t, last, "check TEMPORAL_API_KEY")
	require.Contains(t, last, "(Operator/TemporalRefused)")
}

// A start that waits says for what, and a process that drains says so; neither is to be restarted.
func TestStartAndStopAreLogged(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	proxy := newGRPCProxy(t, upstream(t))
	proxy.stop()
	w := s.watch(proxy)
	w.fails("FAIL process: starting: waiting for Temporal at " + proxy.Address)
	proxy.start()
	w.ready()

	h := newHold()
	s.proxy.on(&rule{path: pathChallenge, left: 1, after: h})
	ensured := make(chan result, 1)
	go func() { ensured <- s.cli("cert", "ensure", s.name, "--name", "drain.example.test", "--timeout", "30s") }()
	s.reached(h)
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
	w.fails("FAIL process: draining: ")
	status, body := w.get("/livez")
	require.Equal(t, 200, status)
	require.Contains(t, body, "ok   process: draining: ")
	s.proxy.freeAll()
	<-w.done
	require.Equal(t, 0, w.cmd.ProcessState.ExitCode(), s.log)
	s.worker()
	<-ensured
}

// Liveness is the process's own: a start that waits for Postgres for its whole time is alive.
func TestStartWaitsForPostgresAlive(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_POSTGRES_URL", "postgres://u@127.0.0.1:1/d")
	w := s.watch(newGRPCProxy(t, upstream(t)))
	w.fails("FAIL process: starting: waiting for Postgres")
	w.kill()
}

// A responder alone is asked for nothing but its listener and its database.
func TestResponderAloneIsReady(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_ROLES", "responder")
	proxy := newGRPCProxy(t, upstream(t))
	proxy.stop()
	w := s.watch(proxy)
	require.Regexp(t, `^ok   process: runs responder\nok   schema: version \d+\nok   responder: answers at \S+\n$`,
		w.ready())
	w.stop()
}
