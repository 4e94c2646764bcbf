// Package suitetest is what the suites of the kinds of targets and zones have in common. It is for tests only.
package suitetest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Run runs each of a suite's tests on a subject of its own, in parallel.
func Run[Subject any](t *testing.T, make func(t *testing.T) Subject, tests map[string]func(*testing.T, Subject)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, make(t))
		})
	}
}

// AtOnce calls do for each number below times, all at once, and returns their errors.
func AtOnce(times int, do func(i int) error) []error {
	errs := make([]error, times)
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

// RequireFault requires a fault that is one of these, each as "Wait DNSUnavailable".
func RequireFault(t testing.TB, err error, oneOf ...string) {
	t.Helper()
	require.Error(t, err)
	fault := domain.AsFault(err)
	require.Contains(t, oneOf, string(fault.Kind)+" "+string(fault.Reason), err)
}
