package replaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Transcript is what a run asked of Temporal, in order.
type Transcript struct {
	// Run is the run's ID, which is in its requests.
	Run   string `json:"run"`
	Calls []Call `json:"calls"`
}

// Call is one call that leaves the workflow. What people alone read, as summaries, is not in it.
type Call struct {
	// Do is what is called: one of the kinds below.
	Do string `json:"do"`
	// Name is that of the step, gate or update.
	Name string `json:"name,omitempty"`
	// Options are a step's task queue, time-outs, retries and priority.
	Options json.RawMessage `json:"options,omitempty"`
	// Value is the input, length, state or answer.
	Value json.RawMessage `json:"value,omitempty"`
}

// The kinds of calls.
const (
	doActivity = "activity"
	doLocal    = "local activity"
	doTimer    = "timer"
	doSearch   = "search attributes"
	doVersion  = "version"
	doAnswer   = "answer"
	doContinue = "continue as new"
	doResult   = "result"
	doFailure  = "failure"
)

func (c Call) String() string {
	line, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(line)
}

func lines(calls []Call) (all []string) {
	for _, call := range calls {
		all = append(all, call.String())
	}
	return all
}

// write has one call a line, so that a difference of two transcripts is one of calls.
func (tr *Transcript) write(t testing.TB, history string) {
	t.Helper()
	var out bytes.Buffer
	_, _ = fmt.Fprintf(&out, "{\"run\": %q, \"calls\": [\n%s\n]}\n", tr.Run, strings.Join(lines(tr.Calls), ",\n"))
	require.NoError(t, os.WriteFile(transcriptOf(history), out.Bytes(), 0o644))
}

func readTranscript(t testing.TB, history string) *Transcript {
	t.Helper()
	content, err := os.ReadFile(transcriptOf(history))
	require.NoError(t, err)
	var transcript Transcript
	require.NoError(t, json.Unmarshal(content, &transcript))
	return &transcript
}

// hint is what to do about a difference.
const hint = `Runs that are open in production would not go on as they did. If the change is meant, there are two ways:
  before the release   "make record", and read the difference of the *.calls.json in the commit
  after a release      keep the old rule for runs that began under it, and raise the version
app/replaytest/doc.go says how.`

// differ is an error about the first line that differs, nil if none does. where says which of them it is.
func differ(where func(i int) string, wantName string, want []string, gotName string, got []string) error {
	for i := range max(len(want), len(got)) {
		if w, g := at(want, i), at(got, i); w != g {
			w, g = around(w, g)
			return fmt.Errorf("%s differs:\n%12s: %s\n%12s: %s", where(i), wantName, w, gotName, g)
		}
	}
	return nil
}

func at(lines []string, i int) string {
	if i >= len(lines) {
		return "(none)"
	}
	return lines[i]
}

// around are the parts of two lines in which they begin to differ.
func around(a, b string) (string, string) {
	const before, length = 100, 300
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	from := max(0, same-before)
	part := func(line string) string {
		left, right := "", ""
		if line = line[from:]; from > 0 {
			left = "..."
		}
		if len(line) > length {
			line, right = line[:length], "..."
		}
		return left + line + right
	}
	return part(a), part(b)
}
