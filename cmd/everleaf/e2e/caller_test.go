package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/caller"
	"everleaf/adapters/caller/callertest/suite"
)

// What the fake for callers' tests promises, a real worker keeps: both pass one suite. The target is the program that
// extending.md shows.
func TestCallersSeeWhatTheFakeShows(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	files := s.runsPrograms()
	s.worker()
	suite.Run(t, suite.World{
		Certificates: caller.New(s.temporal, caller.Options{TaskQueue: s.queue}),
		Prefix:       s.name,
		Target:       "files",
		Reject: func(string) (accept func()) { // all orders
			rejects := s.proxy.on(&rule{path: pathNewOrder, left: -1,
				instead: problem(403, "rejectedIdentifier", "not this name")})
			return func() { s.proxy.off(rejects) }
		},
		Limit: func(string) (lift func()) {
			limits := s.proxy.on(&rule{path: pathNewOrder, left: -1,
				instead: problem(429, "rateLimited", "too many", "Retry-After", "7200")})
			return func() { s.proxy.off(limits) }
		},
	})
	entries, err := os.ReadDir(files)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{s.name + "-deliveries.lock", s.name + "-deliveries.sequence"}, names,
		"the program was there, and has removed the certificate")
	require.NotContains(t, s.log.String(), "PRIVATE KEY")
}

// runsPrograms gives workers the target "files", a program that writes into the directory.
func (s *stack) runsPrograms() (directory string) {
	s.t.Helper()
	program, err := filepath.Abs("../../../adapters/delivery/testdata/target.sh")
	require.NoError(s.t, err)
	file, err := json.Marshal(map[string]any{ // YAML, too
		"issuers": []any{map[string]any{"name": "default", "directory": s.proxy.Directory,
			"caBundle": s.proxy.CABundle}},
		"targets": []any{map[string]any{"name": "files",
			"exec": map[string]any{"command": []string{program}, "key": true, "env": []string{"TLS_DIR"}}}},
	})
	require.NoError(s.t, err)
	directory = s.t.TempDir()
	path := filepath.Join(s.t.TempDir(), "everleaf.yaml")
	require.NoError(s.t, os.WriteFile(path, file, 0o600))
	for _, inFile := range []string{"EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_EMAIL"} {
		s.set(inFile, "")
	}
	s.set("EVERLEAF_CONFIG", path)
	s.set("TLS_DIR", directory)
	return directory
}
