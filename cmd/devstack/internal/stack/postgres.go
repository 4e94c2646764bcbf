package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"everleaf/cmd/devstack/internal/proc"
	"everleaf/cmd/devstack/internal/tools"
)

// Postgres starts the server with the given settings ("name=value"). Only this machine can reach it, as the superuser
// postgres, without a password.
func (s *Stack) Postgres(ctx context.Context, pg tools.Postgres, settings ...string) error {
	begin := time.Now()
	as, err := postgresUser()
	if err != nil {
		return err
	}
	data, err := s.initPostgres(ctx, pg, as)
	if err != nil {
		return err
	}
	port, err := s.ports.pick(55432)
	if err != nil {
		return err
	}
	s.ports.release()
	if !s.Keep { // a crash of the server alone loses nothing even so
		settings = append(settings, "fsync=off")
	}
	args := []string{"-D", data}
	for _, set := range append(settings, "listen_addresses="+loopback, "port="+strconv.Itoa(port),
		"unix_socket_directories=") {
		args = append(args, "-c", set)
	}
	err = s.service(ctx, &part{
		spec: proc.Spec{Name: "Postgres", Path: filepath.Join(pg.BinDir, "postgres"), Args: args, Env: cleanEnv(),
			Dir:  "/",
			User: as, StopSignal: syscall.SIGINT}, // a fast shutdown
		ready: func(context.Context) error { return postmasterReady(data) },
		crash: syscall.SIGQUIT, // as a crash, but its processes and shared memory go with it
	})
	if err != nil {
		return err
	}
	s.PostgresURL = fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", hostPort(port))
	s.Say("Postgres        %s (version %s, %s)", s.PostgresURL, pg.Version, s.Took("Postgres", begin, time.Now()))
	return nil
}

// initPostgres gives the data directory of this major version, made if it is not there.
func (s *Stack) initPostgres(ctx context.Context, pg tools.Postgres, as *syscall.Credential) (string, error) {
	data := s.path(fmt.Sprintf("postgres-%d", pg.Major))
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", fmt.Errorf("make Postgres's directory: %w", err)
	}
	if as != nil {
		if err := os.Chown(data, int(as.Uid), int(as.Gid)); err != nil {
			return "", fmt.Errorf("give Postgres its directory: %w", err)
		}
	}
	log := filepath.Join(s.Logs, "initdb.log")
	c, err := s.Procs.Start(proc.Spec{Name: "initdb", Path: filepath.Join(pg.BinDir, "initdb"), Env: cleanEnv(),
		Dir:  "/",
		User: as, Log: log,
		Args: []string{"-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"}})
	if err != nil {
		return "", err
	}
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-c.Done():
		if c.Err() != nil {
			return "", fmt.Errorf("initdb: %w\n%s", c.Err(), Tail(log, 20))
		}
		return data, nil
	}
}

// postgresUser is whom Postgres runs as: it refuses to run as root.
func postgresUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("find the user that Postgres is to run as: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the ID of user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the group of user postgres: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// postmasterReady reads postmaster.pid as pg_ctl does: the first line is the server's process ID, the eighth its
// status. A file that a crash left behind names a process that is gone.
func postmasterReady(data string) error {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return err
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 8 || strings.TrimSpace(lines[7]) != "ready" {
		return errors.New("postmaster.pid does not say ready")
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil {
		return err
	}
	return syscall.Kill(pid, 0)
}

func tenths(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
