package delivery

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"everleaf/domain"
)

// What is in a certificate's directory besides the files. Servers that read whole directories leave hidden files alone.
const (
	// versionPrefix begins the directory of one version, whose sequence follows; dataLink leads to the one in service.
	versionPrefix = "..everleaf-"
	dataLink      = "..data"
	// newLink is a link on its way to its place.
	newLink = "..new"
	// confirmedMark, in a version's directory, says that the command has succeeded.
	confirmedMark = "..confirmed"
	// removingMark says that the files are gone and the command has not succeeded yet.
	removingMark = "..removing"
)

// checkSequence refuses what was asked for before what is in place: a try that was cut off and comes back must not undo
// a later one. The lock is held, so nothing comes between this check and what follows.
func (p *place) checkSequence(sequence int64) error {
	if p.sequence() <= sequence {
		return nil
	}
	return domain.NewFault(domain.FaultWait, domain.ReasonVersionReplaced, nil,
		"directory %s: what a later delivery has put there is in place: this try is over", p.path).Permanent()
}

// sequence is the number of what is in place, 0 if nothing is.
func (p *place) sequence() int64 {
	inService, _ := p.root.Readlink(dataLink)
	number, _, _ := strings.Cut(strings.TrimPrefix(inService, versionPrefix), "-")
	sequence, _ := strconv.ParseInt(number, 10, 64)
	return sequence
}

// write puts the files there as a new version and swaps it in; what an earlier try left is cleaned up.
func (p *place) write(files []file, sequence int64) error {
	if err := p.writeVersion(files, sequence); err != nil {
		return interpret(err, "directory "+p.path)
	}
	return nil
}

func (p *place) writeVersion(files []file, sequence int64) error {
	inService, _ := p.root.Readlink(dataLink)
	if err := p.clean(inService, nil); err != nil {
		return err
	}
	version := versionPrefix + strconv.FormatInt(sequence, 10) + "-" + rand.Text()
	if err := p.fill(version, files); err != nil {
		_ = p.root.RemoveAll(version) // else the next try does
		return err
	}
	if err := p.link(version, dataLink); err != nil {
		return err
	}
	for _, f := range files {
		if link, err := p.root.Readlink(f.name); err == nil && link == linkTo(f.name) {
			continue
		}
		if err := p.link(linkTo(f.name), f.name); err != nil {
			return err
		}
	}
	if err := p.remove(removingMark); err != nil {
		return err
	}
	if err := p.clean(version, files); err != nil {
		return err
	}
	return p.lock.Sync()
}

// tidy removes what a try has left that was cut off after it had put the version in service there: among it is the key
// of the version before.
func (p *place) tidy(files []file) error {
	inService, err := p.root.Readlink(dataLink)
	if err == nil {
		err = errors.Join(p.remove(newLink), p.clean(inService, files))
	}
	if err != nil {
		return interpret(err, "directory "+p.path)
	}
	return nil
}

// fill makes a version's directory. Only when all is written and given to the owner is it known by a link.
func (p *place) fill(version string, files []file) error {
	if err := p.root.Mkdir(version, 0o700); err != nil {
		return err
	}
	inner, err := p.root.OpenRoot(version)
	if err != nil {
		return err
	}
	defer func() { _ = inner.Close() }()
	for _, f := range files {
		if err := writeFile(inner, f); err != nil {
			return err
		}
	}
	self, err := inner.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = self.Close() }()
	outer, err := p.lock.Stat()
	if err != nil {
		return err
	}
	// Whom the operator lets into the certificate's directory, it lets in here.
	return errors.Join(self.Chmod(outer.Mode().Perm()), self.Chown(files[0].uid, files[0].gid), self.Sync())
}

func writeFile(root *os.Root, content file) (err error) {
	f, err := root.OpenFile(content.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(content.content); err != nil {
		return err
	}
	if err := f.Chown(content.uid, content.gid); err != nil {
		return err
	}
	if err := f.Chmod(fs.FileMode(content.mode)); err != nil {
		return err
	}
	return f.Sync()
}

// link puts a link in place of whatever has its name, at once.
func (p *place) link(target, name string) error {
	if err := p.remove(newLink); err != nil {
		return err
	}
	if err := p.root.Symlink(target, newLink); err != nil {
		return err
	}
	return p.root.Rename(newLink, name)
}

// clean removes the versions other than the one to keep, and the links to files that are no longer written. Without
// files, links stay.
func (p *place) clean(keep string, files []file) error {
	entries, err := p.entries()
	if err != nil {
		return err
	}
	for _, name := range entries {
		switch link, _ := p.root.Readlink(name); {
		case strings.HasPrefix(name, versionPrefix) && name != keep:
			err = p.root.RemoveAll(name)
		case files != nil && link == linkTo(name) &&
			!slices.ContainsFunc(files, func(f file) bool { return f.name == name }):
			err = p.root.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// confirmed reports whether the command has succeeded for what is in place.
func (p *place) confirmed() bool {
	_, err := p.root.Lstat(path.Join(dataLink, confirmedMark))
	return err == nil
}

func (p *place) confirm() error {
	mark, err := p.root.OpenFile(path.Join(dataLink, confirmedMark), os.O_WRONLY|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err == nil {
		err = errors.Join(mark.Sync(), mark.Close())
	}
	if err != nil {
		return interpret(err, "directory "+p.path)
	}
	return nil
}

func (p *place) entries() ([]string, error) {
	self, err := p.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = self.Close() }()
	return self.Readdirnames(-1)
}

func (p *place) remove(name string) error {
	if err := p.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// linkTo is where the link to a file leads.
func linkTo(name string) string { return dataLink + "/" + name }
