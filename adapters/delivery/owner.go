package delivery

import (
	"errors"
	"os/user"
	"strconv"
	"strings"
)

// owner is who files are given to; a part that is not set stays the worker's own.
type owner struct{ user, group string }

// parseOwner reads "user", "user:group" or numbers. Whether they exist is not asked.
func parseOwner(text string) (owner, error) {
	if text == "" {
		return owner{}, nil
	}
	name, group, parted := strings.Cut(text, ":")
	if name == "" || strings.HasPrefix(name, "-") || strings.HasPrefix(group, "-") || parted && group == "" ||
		strings.ContainsAny(text, " \t\n/") || strings.Contains(group, ":") {
		return owner{}, errors.New("not an owner")
	}
	return owner{user: name, group: group}, nil
}

func (o owner) set() bool { return o.user != "" }

// ids looks the owner up; -1 leaves as it is. A user given by name without a group brings its first group along.
func (o owner) ids() (uid, gid int, err error) {
	if !o.set() {
		return -1, -1, nil
	}
	gid = -1
	if uid, err = strconv.Atoi(o.user); err != nil {
		found, err := user.Lookup(o.user)
		if err != nil {
			return 0, 0, err
		}
		if uid, err = strconv.Atoi(found.Uid); err != nil {
			return 0, 0, err
		}
		if gid, err = strconv.Atoi(found.Gid); err != nil {
			return 0, 0, err
		}
	}
	if o.group == "" {
		return uid, gid, nil
	}
	if gid, err = strconv.Atoi(o.group); err != nil {
		found, err := user.LookupGroup(o.group)
		if err != nil {
			return 0, 0, err
		}
		if gid, err = strconv.Atoi(found.Gid); err != nil {
			return 0, 0, err
		}
	}
	return uid, gid, nil
}

func unknownOwnerFault(err error) error {
	return refusedFault(err, "find the owner of the files; correct the target's directory.owner")
}
