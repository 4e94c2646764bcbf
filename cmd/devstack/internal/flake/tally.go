package flake

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// event is a line of `go test -json` (see `go doc test2json`), which also reports builds that fail.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64 // seconds
	Output  string
}

// name says which test the counts are of. An empty test is the package itself.
type name struct{ pkg, test string }

func (n name) String() string {
	if n.test == "" {
		return n.pkg
	}
	return n.pkg + " " + n.test
}

type counts struct {
	ran, failed int
	longest     time.Duration
}

func (c *counts) took(seconds float64) {
	c.longest = max(c.longest, time.Duration(seconds*float64(time.Second)))
}

// Tally is what all runs have shown. The zero Tally is ready for use.
type Tally struct{ tests map[name]*counts }

// Read counts one run, from the output of `go test -json`, and writes to log what the tests printed. It returns the
// names of what has failed: tests, and packages that failed without a test of theirs that did (a build, TestMain, a
// panic). A test that has begun and not ended when its package failed, as with a time-out, has failed.
func (t *Tally) Read(output io.Reader, log io.Writer) (failed []string, err error) {
	if t.tests == nil {
		t.tests = map[name]*counts{}
	}
	open := map[name]bool{}     // tests that have begun
	blamed := map[string]bool{} // packages with a test that has failed
	fail := func(n name, seconds float64) {
		t.of(n).failed++
		t.of(n).took(seconds)
		blamed[n.pkg] = true
		failed = append(failed, n.String())
	}
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return failed, nil
		} else if err != nil && err != io.EOF {
			return failed, fmt.Errorf("read go test's output: %w", err)
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			e = event{Output: string(line)}
		}
		if _, err := io.WriteString(log, e.Output); err != nil {
			return failed, fmt.Errorf("write the log: %w", err)
		}
		n := name{e.Package, e.Test}
		switch {
		case e.Action == "run":
			open[n] = true
			t.of(n).ran++
		case e.Test == "" && e.Action == "fail":
			for _, left := range sorted(open) {
				if left.pkg == n.pkg {
					fail(left, e.Elapsed)
				}
			}
			if !blamed[n.pkg] {
				t.of(n).ran++
				fail(n, e.Elapsed)
			}
		case e.Test != "" && e.Action == "fail":
			delete(open, n)
			fail(n, e.Elapsed)
		case e.Test != "" && (e.Action == "pass" || e.Action == "skip"):
			delete(open, n)
			t.of(n).took(e.Elapsed)
		}
	}
}

func (t *Tally) of(n name) *counts {
	if t.tests[n] == nil {
		t.tests[n] = &counts{}
	}
	return t.tests[n]
}

// Write writes a line for each test that has failed, the most often first, and then one for each of the slowest.
func (t *Tally) Write(w io.Writer, slowest int) {
	all := sorted(t.tests)
	bad := slices.DeleteFunc(slices.Clone(all), func(n name) bool { return t.tests[n].failed == 0 })
	slices.SortStableFunc(bad, func(a, b name) int { return cmp.Compare(t.tests[b].failed, t.tests[a].failed) })
	// A subtest's time is part of its test's.
	good := slices.DeleteFunc(all, func(n name) bool {
		return t.tests[n].failed > 0 || n.test == "" || strings.Contains(n.test, "/")
	})
	slices.SortStableFunc(good, func(a, b name) int { return cmp.Compare(t.tests[b].longest, t.tests[a].longest) })
	_, _ = fmt.Fprintln(w, "failed    ran  longest  test")
	for _, n := range append(bad, good[:min(slowest, len(good))]...) {
		c := t.tests[n]
		_, _ = fmt.Fprintf(w, "%6d %6d %7.1fs  %s\n", c.failed, c.ran, c.longest.Seconds(), n)
	}
}

func sorted[V any](m map[name]V) []name {
	names := make([]name, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.pkg, b.pkg),
			cmp.Compare(a.test, b.test))
	})
	return names
}
