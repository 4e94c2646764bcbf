package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"everleaf/cmd/devstack/internal/tools"
)

// tempRoot is where throwaway stacks live: the system's temporary directory, unless this is root and another user
// (Postgres's) could not get there.
func tempRoot() string {
	if dir := os.TempDir(); os.Geteuid() != 0 || traversable(dir) {
		return dir
	}
	return "/tmp"
}

// keptDir makes the directory of the stack that is kept: below the user's cache directory, unless this is root and
// Postgres's user could not get there (root's home is closed to others).
func keptDir() (string, error) {
	dir, err := tools.CacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "stack")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if os.Geteuid() != 0 || traversable(dir) {
		return dir, nil
	}
	dir = "/var/lib/everleaf-devstack"
	return dir, os.MkdirAll(dir, 0o755)
}

// own takes the kept directory until the file that it answers is closed.
func own(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use by another devstack (%w): stop that one, or do without --keep", dir, err)
	}
	return f, nil
}

// traversable reports whether every user may pass through dir and all directories above it.
func traversable(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for {
		st, err := os.Stat(dir)
		if err != nil || st.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}
