package delivery

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"everleaf/domain"
)

// place is a certificate's directory, opened and locked: two tries, of two processes even, do not write at once.
type place struct {
	path string
	// base is the root above; name leads from there to the directory itself, root.
	base *os.Root
	name string
	root *os.Root
	lock *os.File
}

var errNotThere = errors.New("the directory is not there")

const (
	// lockFor is how long another try's end is waited for.
	lockFor  = 10 * time.Second
	lockLook = 50 * time.Millisecond
)

// open opens the certificate's directory, and makes it if create says so; else one that is not there is errNotThere.
// From the part with the certificate's name on, no part may be a link: it would lead a write by a mighty user to where
// somebody else wants it.
func (d *directory) open(ctx context.Context, certificate string, create bool) (*place, error) {
	if err := domain.ValidateCertificateName(certificate); err != nil {
		return nil, err
	}
	name := strings.ReplaceAll(filepath.Join(d.below...), namePlace, certificate)
	p := &place{path: filepath.Join(d.base, name), name: name}
	for deadline := time.Now().Add(lockFor); ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		err := d.tryOpen(p, create)
		if err == nil {
			return p, nil
		}
		p.close()
		switch {
		case errors.Is(err, errNotThere):
			return nil, err
		case !errors.Is(err, errBusy):
			return nil, interpret(err, "directory "+p.path)
		case time.Now().After(deadline):
			return nil, unavailableFault(nil, "directory %s: another delivery to it has been under way for %s", p.path,
				lockFor)
		}
		select {
		case <-time.After(lockLook):
		case <-ctx.Done():
		}
	}
}

var errBusy = errors.New("in use")

func (d *directory) tryOpen(p *place, create bool) (err error) {
	if p.base, err = os.OpenRoot(d.base); err != nil {
		if !create && errors.Is(err, fs.ErrNotExist) {
			return errNotThere
		}
		return err
	}
	if p.root, err = p.base.OpenRoot("."); err != nil {
		return err
	}
	for part := range strings.SplitSeq(p.name, "/") {
		inner, err := d.step(p.root, part, create)
		if err != nil {
			return err
		}
		_ = p.root.Close()
		p.root = inner
	}
	if p.lock, err = p.root.Open("."); err != nil {
		return err
	}
	if err := syscall.Flock(int(p.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			return errBusy
		}
		return os.NewSyscallError("flock", err)
	}
	// Who held the lock may have removed the directory.
	is, err := p.base.Lstat(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return errBusy
	}
	was, statErr := p.lock.Stat()
	if err := errors.Join(err, statErr); err != nil {
		return err
	}
	if !os.SameFile(is, was) {
		return errBusy
	}
	return nil
}

// step opens one part of the path.
func (d *directory) step(root *os.Root, part string, create bool) (*os.Root, error) {
	info, err := root.Lstat(part)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, errNotThere
		}
		if err := d.mkdir(root, part); err != nil {
			return nil, err
		}
		info, err = root.Lstat(part)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, refusedFault(nil, "%s is a link; a certificate's directory must not be one: name the place itself in "+
			"directory.path", part)
	case !info.IsDir():
		return nil, refusedFault(nil, "%s is not a directory: move it away, or correct directory.path", part)
	}
	inner, err := root.OpenRoot(part)
	if err != nil {
		return nil, err
	}
	opened, err := inner.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = refusedFault(nil, "%s was put in another's place while it was opened", part)
	}
	if err == nil && create {
		err = d.give(inner, opened)
	}
	if err != nil {
		_ = inner.Close()
		return nil, err
	}
	return inner, nil
}

// mkdir makes a directory for nobody else; give makes it the owner's.
func (d *directory) mkdir(root *os.Root, part string) error {
	if _, _, err := d.owner.ids(); err != nil {
		return unknownOwnerFault(err)
	}
	if err := root.Mkdir(part, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// give makes a directory the owner's that is as mkdir has left it, now or in a try that was cut short just there: the
// worker's own, open to nobody else, and empty. It is changed through its handle: a name may lead to something else by
// now.
func (d *directory) give(inner *os.Root, made fs.FileInfo) error {
	stat, ok := made.Sys().(*syscall.Stat_t)
	if !d.owner.set() || !ok || int(stat.Uid) != os.Geteuid() || made.Mode().Perm() != 0o700 {
		return nil
	}
	uid, gid, err := d.owner.ids()
	if err != nil {
		return unknownOwnerFault(err)
	}
	self, err := inner.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = self.Close() }()
	if _, err := self.Readdirnames(1); !errors.Is(err, io.EOF) {
		return err // somebody has begun to use it
	}
	return self.Chown(uid, gid)
}

func (p *place) close() {
	if p.lock != nil {
		_ = p.lock.Close() // and the lock with it
	}
	for _, root := range []*os.Root{p.root, p.base} {
		if root != nil {
			_ = root.Close()
		}
	}
	p.lock, p.root, p.base = nil, nil, nil
}
