package stack

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

// Everleaf makes what the worker and the command line need: the sealing key (kept if there is one) and a file of
// settings, whose path it answers.
func (s *Stack) Everleaf() (envFile string, err error) {
	if err := sealingKey(s.path("sealing.key")); err != nil {
		return "", err
	}
	// An empty Temporal configuration, so that the user's own profile does not apply.
	if err := os.WriteFile(s.path("temporal.toml"), nil, 0o600); err != nil {
		return "", fmt.Errorf("write Temporal's client configuration: %w", err)
	}
	// A short name for the CLI that the settings above suit.
	cli := s.path("temporal")
	if err := os.Remove(cli); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("replace the link to Temporal's CLI: %w", err)
	}
	if err := os.Symlink(s.TemporalCLI, cli); err != nil {
		return "", fmt.Errorf("link to Temporal's CLI: %w", err)
	}
	envFile = s.path("env")
	return envFile, os.WriteFile(envFile, []byte(strings.Join(s.Exports(), "\n")+"\n"), 0o600)
}

// Settings are Everleaf's settings for this stack, and Temporal's.
func (s *Stack) Settings() [][2]string {
	return slices.Concat([][2]string{
		{"TEMPORAL_ADDRESS", s.TemporalAddress},
		{"TEMPORAL_NAMESPACE", "default"},
		{"TEMPORAL_CONFIG_FILE", s.path("temporal.toml")},
		{"EVERLEAF_POSTGRES_URL", s.PostgresURL},
		{"EVERLEAF_SEALING_KEY", "file://" + s.path("sealing.key")},
	}, s.acmeEnv())
}

// Exports are the settings as lines for a shell.
func (s *Stack) Exports() (lines []string) {
	for _, kv := range s.Settings() {
		lines = append(lines, fmt.Sprintf("export %s='%s'", kv[0], kv[1]))
	}
	return lines
}

// Env is the environment of Everleaf's processes.
func (s *Stack) Env() []string {
	env := cleanEnv()
	for _, kv := range s.Settings() {
		env = append(env, kv[0]+"="+kv[1])
	}
	return env
}

// cleanEnv is this process's environment without what would lead a child to other servers or other settings than the
// stack's.
func cleanEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return slices.ContainsFunc([]string{"TEMPORAL_", "EVERLEAF_", "PEBBLE_", "PG"},
			func(prefix string) bool { return strings.HasPrefix(kv, prefix) })
	})
}

// sealingKey makes a file with 32 random bytes in base64, unless it is there.
func sealingKey(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the sealing key: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	if _, err := f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n"); err != nil {
		_ = f.Close()
		return fmt.Errorf("write the sealing key: %w", err)
	}
	return f.Close()
}

// Worker starts Everleaf's worker, the program at path, and waits until its HTTP-01 responder listens.
func (s *Stack) Worker(ctx context.Context, path string) error {
	begin := time.Now()
	// The bound is above the worker's own for draining.
	err := s.service(ctx, &part{
		spec: proc.Spec{Name: "Worker", Path: path, Args: []string{"worker"}, Env: s.Env(), Dir: s.Dir,
			StopWithin: 30 * time.Second},
		ready: listening(s.acme.http01),
	})
	if err != nil {
		return err
	}
	s.Say("Everleaf worker HTTP-01 responder on %s (%s)", s.acme.http01, s.Took("worker", begin, time.Now()))
	return nil
}
