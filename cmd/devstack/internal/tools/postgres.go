package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Postgres is an installed server.
type Postgres struct {
	// BinDir holds initdb and postgres.
	BinDir string
	// Version is as `postgres --version` gives it, Major its first number.
	Version string
	Major   int
}

// ErrNoPostgres means that no server binaries were found.
var ErrNoPostgres = errors.New("no Postgres server binaries (initdb and postgres) found")

// binDirs are where distributions keep the server's binaries; Debian and its kin do not have them on PATH.
var binDirs = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // the Postgres project's RPMs
	"/usr/libexec/postgresql*",          // Alpine
	"/opt/homebrew/opt/postgresql*/bin", // Homebrew
	"/usr/local/opt/postgresql*/bin",
	"/usr/local/pgsql/bin",
}

// FindPostgres gives the newest installed server, or ErrNoPostgres.
func FindPostgres(ctx context.Context) (Postgres, error) {
	dirs := globs(binDirs)
	if path, err := exec.LookPath("pg_config"); err == nil {
		if out, err := exec.CommandContext(ctx, path, "--bindir").Output(); err == nil {
			dirs = append(dirs, strings.TrimSpace(string(out)))
		}
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	return newestPostgres(ctx, dirs)
}

var postgresVersion = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

func newestPostgres(ctx context.Context, dirs []string) (best Postgres, err error) {
	for _, dir := range dirs {
		if !executable(filepath.Join(dir, "initdb")) {
			continue
		}
		out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
		m := postgresVersion.FindStringSubmatch(string(out))
		if err != nil || m == nil {
			continue
		}
		if major, err := strconv.Atoi(m[2]); err == nil && major > best.Major {
			best = Postgres{BinDir: dir, Version: m[1], Major: major}
		}
	}
	if best.Major == 0 {
		return best, ErrNoPostgres
	}
	return best, nil
}

func globs(patterns []string) (dirs []string) {
	for _, p := range patterns {
		found, _ := filepath.Glob(p) // the only error is a malformed pattern
		dirs = append(dirs, found...)
	}
	return dirs
}

// Postgres finds the server; if there is none and this is root, it has the system's package manager install it.
func (b *Box) Postgres(ctx context.Context) (Postgres, error) {
	pg, err := FindPostgres(ctx)
	if !errors.Is(err, ErrNoPostgres) {
		return pg, err
	}
	for _, m := range packageManagers {
		if _, err := exec.LookPath(m.command); err != nil {
			continue
		}
		if os.Geteuid() != 0 {
			return pg, fmt.Errorf("%w. Install it: sudo %s", ErrNoPostgres, m.postgres.byHand)
		}
		b.Say("no Postgres found: installing it with %s", m.command)
		if err := m.postgres.install(ctx, b); err != nil {
			return pg, fmt.Errorf("install Postgres (by hand: %s): %w", m.postgres.byHand, err)
		}
		return FindPostgres(ctx)
	}
	return pg, fmt.Errorf("%w. Install the Postgres 15 or newer server with its contrib modules, or put the directory "+
		"that holds initdb and postgres on PATH (macOS: brew install postgresql@17)", ErrNoPostgres)
}
