package delivery

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// clear removes what deliveries have put there, but for a mark; found says that there was something, or the mark of a
// try that did not come to its end.
func (p *place) clear() (found bool, err error) {
	entries, err := p.entries()
	if err != nil {
		return false, interpret(err, "directory "+p.path)
	}
	found = slices.ContainsFunc(entries, func(name string) bool {
		return name == dataLink || name == removingMark || strings.HasPrefix(name, versionPrefix)
	})
	if !found {
		return false, nil
	}
	mark, err := p.root.OpenFile(removingMark, os.O_WRONLY|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err == nil {
		err = errors.Join(mark.Close(), p.lock.Sync())
	}
	if err == nil {
		err = p.clean("", []file{{}})
	}
	if err == nil {
		err = errors.Join(p.remove(dataLink), p.remove(newLink), p.lock.Sync())
	}
	if err != nil {
		return true, interpret(err, "directory "+p.path)
	}
	return true, nil
}

// finishRemoval removes the mark, and the directory if nothing else is in it.
func (p *place) finishRemoval() error {
	if err := p.remove(removingMark); err != nil {
		return interpret(err, "directory "+p.path)
	}
	for name := p.name; name != "."; name = path.Dir(name) {
		if p.base.Remove(name) != nil {
			break // somebody else's files are there, or the directory must stay
		}
	}
	return nil
}
