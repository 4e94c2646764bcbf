// Package problems holds several problems of one configuration as one error: what the adapters that are configured in a
// file have in common. Who corrects a file wants to see all of them at once.
package problems

import "strings"

// several are two problems or more.
type several []error

// Join is the problems as one error: nil for none, and one alone as it is. What was joined before is taken apart.
func Join(errs ...error) error {
	var all several
	for _, err := range errs {
		all = append(all, Each(err)...)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	default:
		return all
	}
}

// Each are the problems that Join has made err of.
func Each(err error) []error {
	if err == nil {
		return nil
	}
	if all, ok := err.(several); ok { //nolint:errorlint // what wraps several is one problem
		return all
	}
	return []error{err}
}

func (s several) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap is for errors.Is and errors.As, which find the first that fits.
func (s several) Unwrap() []error { return s }
