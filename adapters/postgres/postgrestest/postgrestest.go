// Package postgrestest gives each test a migrated Postgres database of its own. It is for tests only.
package postgrestest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/adapters/postgres"
	"everleaf/adapters/servertest"
	"everleaf/migrations"
)

const (
	// templateLock is the advisory lock under which the template is made: "template" in ASCII.
	templateLock int64 = 0x74656d706c617465
	setUpTimeout       = time.Minute
)

// New makes a migrated database and drops it after the test. It is copied from a template that is made once per
// server and set of migrations, and left there for the next run. The url is for a second pool or process.
func New(t testing.TB) (pool *pgxpool.Pool, url string) {
	t.Helper()
	url = create(t, func(ctx context.Context, admin *pgx.Conn) (string, error) { return template(ctx, admin) })
	ctx, cancel := context.WithTimeout(context.Background(), setUpTimeout)
	defer cancel()
	pool, err := postgres.Open(ctx, postgres.Config{URL: url})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool, url
}

// Empty makes a database without our schema and drops it after the test.
func Empty(t testing.TB) (url string) {
	t.Helper()
	return create(t, func(context.Context, *pgx.Conn) (string, error) { return "template1", nil })
}

// Copy makes a copy of a database that nobody works with meanwhile, and drops it after the test.
func Copy(t testing.TB, of string) (url string) {
	t.Helper()
	return create(t, func(context.Context, *pgx.Conn) (string, error) {
		source, err := pgx.ParseConfig(of)
		if err != nil {
			return "", err
		}
		return source.Database, nil
	})
}

func create(t testing.TB, from func(context.Context, *pgx.Conn) (string, error)) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setUpTimeout)
	defer cancel()
	admin := connect(ctx, t)
	defer func() { _ = admin.Close(ctx) }()
	source, err := from(ctx, admin)
	if err != nil {
		t.Fatalf("make the template database: %v", err)
	}
	name := "everleaf_test_" + strings.ToLower(rand.Text())
	if err := copyDatabase(ctx, admin, name, source); err != nil {
		t.Fatalf("create the test's database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setUpTimeout)
		defer cancel()
		admin := connect(ctx, t)
		defer func() { _ = admin.Close(ctx) }()
		if _, err := admin.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return named(name)
}

// template returns the template's name; it makes the template if this is the first to ask for it.
func template(ctx context.Context, admin *pgx.Conn) (string, error) {
	name, err := templateName()
	if err != nil {
		return "", err
	}
	if _, err := admin.Exec(ctx, `SELECT pg_advisory_lock($1)`, templateLock); err != nil {
		return "", err
	}
	defer func() { _, _ = admin.Exec(ctx, `SELECT pg_advisory_unlock($1)`, templateLock) }()
	var there bool
	if err := admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`,
		name).Scan(&there); there || err != nil {
		return name, err
	}
	// Migrated under another name, so that a run killed half-way leaves no template that looks whole.
	draft := "everleaf_draft_" + strings.ToLower(rand.Text())
	if err := copyDatabase(ctx, admin, draft, "template1"); err != nil {
		return "", err
	}
	if _, _, err := postgres.Migrate(ctx, postgres.Config{URL: named(draft)}); err != nil {
		return "", err
	}
	return name, retryInUse(ctx, admin, `ALTER DATABASE `+draft+` RENAME TO `+name)
}

// templateName differs for each content of the migrations.
func templateName() (string, error) {
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, file := range files {
		content, err := fs.ReadFile(migrations.FS, file)
		if err != nil {
			return "", err
		}
		hash.Write(fmt.Appendf(nil, "%s %d\n%s", file, len(content), content))
	}
	return fmt.Sprintf("everleaf_template_%x", hash.Sum(nil)[:8]), nil
}

func copyDatabase(ctx context.Context, admin *pgx.Conn, name, source string) error {
	return retryInUse(ctx, admin, `CREATE DATABASE `+name+` TEMPLATE `+source)
}

// retryInUse repeats the statement while the database is in use: a session that was closed lives on for a moment.
func retryInUse(ctx context.Context, admin *pgx.Conn, statement string) error {
	for {
		_, err := admin.Exec(ctx, statement)
		if answer, ok := errors.AsType[*pgconn.PgError](err); !ok || answer.Code != "55006" {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

func connect(ctx context.Context, t testing.TB) *pgx.Conn {
	t.Helper()
	admin, err := pgx.Connect(ctx, servertest.Setting(t, serverVar))
	if err != nil {
		t.Fatalf("connect to %s: %v", serverVar, err)
	}
	return admin
}

const serverVar = "EVERLEAF_TEST_POSTGRES"

// named is the server's URL with another database.
func named(database string) string {
	u, err := url.Parse(os.Getenv(serverVar))
	if err != nil {
		panic(serverVar + " is not a URL") // connect read it before
	}
	u.Path = "/" + database
	return u.String()
}
