package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// maxFile is more than any chain has.
const maxFile = 1 << 20

// drift says how what is there differs from the files; empty if it does not.
func (p *place) drift(files []file) (string, error) {
	if _, err := p.root.Lstat(removingMark); err == nil {
		return "its removal has begun", nil
	}
	if version, err := p.root.Readlink(dataLink); err != nil || !strings.HasPrefix(version, versionPrefix) {
		return "the link " + dataLink + " is gone", nil
	}
	for _, want := range files {
		if link, err := p.root.Readlink(want.name); err != nil || link != linkTo(want.name) {
			return want.name + " is not what was put there", nil
		}
		drift, err := p.driftOf(want)
		if err != nil || drift != "" {
			return drift, err
		}
	}
	return "", nil
}

func (p *place) driftOf(want file) (string, error) {
	// O_NONBLOCK: the owner may have put a named pipe there, which must not hold up the worker.
	f, err := p.root.OpenFile(want.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return want.name + " is gone", nil
	}
	if err != nil {
		return "", interpret(err, "look at "+path.Join(p.path, want.name))
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", interpret(err, "look at "+path.Join(p.path, want.name))
	}
	if mode := info.Mode(); mode != fs.FileMode(want.mode) {
		return fmt.Sprintf("%s has mode %s instead of %s", want.name, mode, fs.FileMode(want.mode)), nil
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && (want.uid >= 0 && int(stat.Uid) != want.uid || want.gid >= 0 &&
		int(stat.Gid) != want.gid) {
		return fmt.Sprintf("%s belongs to %d:%d", want.name, stat.Uid, stat.Gid), nil
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	defer clear(content)
	if err != nil {
		return "", interpret(err, "read "+path.Join(p.path, want.name))
	}
	if !bytes.Equal(content, want.content) {
		return want.name + " has another content", nil
	}
	return "", nil
}
