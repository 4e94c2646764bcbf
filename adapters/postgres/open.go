package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
)

// setting is how people know Config.URL.
const setting = "--postgres-url (EVERLEAF_POSTGRES_URL)"

// Config says where Postgres is.
type Config struct {
	// URL is the setting postgres-url: postgres://user:password@host:port/database?sslmode=verify-full, with pgx's
	// parameters, for example pool_max_conns. It holds a password and is never logged.
	URL string
	// Reread gives the URL again for each connection, so that a password or a certificate may be renewed while the pool is
	// open; nil for one that does not change. Of the result, user, password and TLS count.
	Reread func() (string, error)
	// Unverified allows connections to other hosts of which nobody checks whose they are (sslmode below verify-full).
	Unverified bool
	// MaxConns bounds the connections; zero leaves that to the URL, and to pgx: 4, or the number of processors.
	MaxConns int
	// Logger gets one line if the server is waited for; it may be nil.
	Logger *slog.Logger
	// Tracer hears of each statement; nil for none.
	Tracer pgx.QueryTracer
}

const (
	// dialTimeout bounds one attempt, so that a host that drops packets is tried more than once.
	dialTimeout = 5 * time.Second
	// attemptInterval is the pause between attempts.
	attemptInterval = 250 * time.Millisecond
)

// Open connects, and waits until ctx ends for a server that is not there yet. A server that answers no (password,
// unknown database) is not waited for. Faults: Operator "PostgresURLMalformed", "InvalidSetting" (Config.Unverified),
// "DatabaseRefused" and
// "DatabaseUnreachable"; each names the setting and, where known, the address, never the password.
//
// A statement that gets no answer for silenceLimit fails with a Wait fault "DatabaseUnavailable", and the pool makes
// all its connections again: what cut one off has most likely cut off the others.
func Open(ctx context.Context, config Config) (*pgxpool.Pool, error) {
	parsed, err := parse(config)
	if err != nil {
		return nil, err
	}
	var made atomic.Pointer[pgxpool.Pool]
	parsed.ConnConfig.DialFunc = listening(parsed.ConnConfig.DialFunc, func() {
		if pool := made.Load(); pool != nil {
			pool.Reset()
		}
	})
	parsed.BeforeConnect = config.renewing()
	pool, err := open(ctx, parsed, config.Logger)
	made.Store(pool)
	return pool, err
}

// open leaves statements all the time that their context allows: a migration may take long.
func open(ctx context.Context, parsed *pgxpool.Config, logger *slog.Logger) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, parsed)
	if err != nil {
		return nil, interpret(err)
	}
	if err := await(ctx, pool, address(parsed), logger); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func await(ctx context.Context, pool *pgxpool.Pool, where string, logger *slog.Logger) error {
	for tries := 0; ; tries++ {
		err := pool.Ping(ctx)
		if err == nil {
			return nil
		}
		if answer, ok := errors.AsType[*pgconn.PgError](err); ok && !passing(answer.Code) {
			return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseRefused, redact(answer),
				"Postgres at %s refused the connection: check user, password and database of "+setting, where)
		}
		if tries == 0 && logger != nil && ctx.Err() == nil {
			logger.Info("waiting for Postgres at " + where)
		}
		select {
		case <-time.After(attemptInterval):
		case <-ctx.Done():
			return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseUnreachable, unreached{ctx.Err(), err},
				"Postgres at %s does not answer: start it, or correct "+setting, where)
		}
	}
}

// unreached is why the wait ended and what the last try met.
type unreached struct{ end, last error }

// Error says once what several tries met alike: one host is dialled twice where sslmode=prefer falls back to plain
// text.
func (u unreached) Error() string {
	var lines []string
	for line := range strings.Lines(u.last.Error()) {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return fmt.Sprintf("%s (last seen: %s)", u.end, strings.Join(lines, " "))
}

func (u unreached) Unwrap() []error { return []error{u.end, u.last} }

// parse never hands pgx's own error on: its text may hold the password of a malformed URL.
func parse(config Config) (*pgxpool.Config, error) {
	const want = "want postgres://user:password@host:port/database?sslmode=verify-full, with reserved characters in the " +
		"password percent-encoded"
	if strings.TrimSpace(config.URL) == "" {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonPostgresURLMalformed, nil, setting+
			" cannot work: it is empty; %s", want)
	}
	parsed, err := pgxpool.ParseConfig(config.URL)
	if err != nil {
		// Only a file's name may be shown: sslrootcert, sslcert, sslkey, passfile.
		if missing, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, domain.NewFault(domain.FaultOperator, domain.ReasonPostgresURLMalformed, missing,
				setting+" cannot work: it names a file that cannot be read")
		}
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonPostgresURLMalformed, nil, setting+
			" cannot work: it is malformed; %s", want)
	}
	if misread(parsed.ConnConfig) {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonPostgresURLMalformed, nil, setting+
			" cannot work: it is malformed; %s", want)
	}
	if host := unverified(parsed.ConnConfig); host != "" && !config.Unverified {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil, setting+" cannot work: nobody would "+
			"check that %s is the database (sslmode below verify-full): add sslmode=verify-full, and sslrootcert=PATH unless the "+
			"system knows the CA; or, where a mesh or a socket protects the way, set --postgres-unverified "+
			"(EVERLEAF_POSTGRES_UNVERIFIED)", host)
	}
	if config.MaxConns > 0 {
		parsed.MaxConns = int32(config.MaxConns)
		parsed.MinConns, parsed.MinIdleConns = min(parsed.MinConns, parsed.MaxConns), min(parsed.MinIdleConns, parsed.MaxConns)
	}
	parsed.ConnConfig.Tracer = config.Tracer
	if parsed.ConnConfig.ConnectTimeout == 0 || parsed.ConnConfig.ConnectTimeout > dialTimeout {
		parsed.ConnConfig.ConnectTimeout = dialTimeout
	}
	if parsed.ConnConfig.RuntimeParams["application_name"] == "" {
		parsed.ConnConfig.RuntimeParams["application_name"] = "everleaf"
	}
	return parsed, nil
}

// misread reports whether a part of the URL was taken for another, as where a password's "@" is not encoded: then what
// looks like a host may be a part of the password.
func misread(config *pgx.ConnConfig) bool {
	odd := func(host string) bool {
		return !strings.HasPrefix(host, "/") && strings.ContainsAny(host, "@=/ \t")
	}
	return odd(config.Host) || strings.ContainsAny(config.Database, "@") ||
		slices.ContainsFunc(config.Fallbacks, func(f *pgconn.FallbackConfig) bool { return odd(f.Host) })
}

// unverified is the first host that is not this one, and to which pgx would connect in plain text, or without looking
// whose certificate it is; empty if there is none.
func unverified(config *pgx.ConnConfig) string {
	check := func(host string, tls *tls.Config) bool {
		return !isLocal(host) && (tls == nil || tls.InsecureSkipVerify)
	}
	if check(config.Host, config.TLSConfig) {
		return config.Host
	}
	for _, f := range config.Fallbacks {
		if check(f.Host, f.TLSConfig) {
			return f.Host
		}
	}
	return ""
}

// isLocal reports whether a host is a Unix socket, or this one.
func isLocal(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.HasPrefix(host, "/") || host == "localhost" ||
		err == nil && address.IsLoopback()
}

// address is host:port/database for people; several hosts are joined by commas.
func address(config *pgxpool.Config) string {
	c := config.ConnConfig
	hosts := []string{net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))}
	for _, f := range c.Fallbacks {
		// One host appears twice where sslmode=prefer falls back to plain text.
		if host := net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port))); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, ",") + "/" + c.Database
}
