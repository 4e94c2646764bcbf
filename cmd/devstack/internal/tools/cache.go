package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

// Say prints one line of progress.
type Say func(format string, args ...any)

// Box keeps the binaries in one directory of the user's cache, one file per tool and version.
type Box struct {
	// Dir is where the binaries are kept.
	Dir string
	// GoMod and GoSum pin the tools that this module names in its tool directives.
	GoMod, GoSum []byte
	Procs        *proc.Group
	Say          Say
	// Terminal is where a line of progress can take the place of the one before; nil if there is no such.
	Terminal *os.File
}

// CacheDir is where everything that outlives a run is kept.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory (set HOME or XDG_CACHE_HOME): %w", err)
	}
	return filepath.Join(dir, "everleaf"), nil
}

// kept gives the path of the tool called file, making it first if it is not there: make writes a binary to a scratch
// directory and answers its path. Two processes that want the same tool make it once.
func (b *Box) kept(ctx context.Context, file string, make func(scratch string) (string, error)) (string, error) {
	path := filepath.Join(b.Dir, file)
	if executable(path) {
		return path, nil
	}
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return "", fmt.Errorf("make the tools' directory: %w", err)
	}
	unlock, err := b.lock(ctx, path+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if executable(path) {
		return path, nil
	}
	scratch, err := os.MkdirTemp(b.Dir, ".making-")
	if err != nil {
		return "", fmt.Errorf("make a scratch directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	b.Procs.RemoveAtEnd(scratch)
	made, err := make(scratch)
	if err != nil {
		return "", err
	}
	if err := os.Rename(made, path); err != nil {
		return "", fmt.Errorf("keep %s: %w", file, err)
	}
	return path, nil
}

// lock takes the file's lock, which the kernel drops when this process ends.
func (b *Box) lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	end := func() {}
	defer func() { end() }()
	for waited := false; ; waited = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !waited {
			what := strings.TrimSuffix(filepath.Base(path), ".lock")
			b.Say("%s is being made by another process: waiting for it", what)
			end = b.during("waiting for "+what, func() string { return "" })
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func executable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}
