package replaytest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

const (
	sumsFile = "SHA256SUMS"
	// transcriptSuffix replaces a history's .json in the name of its transcript.
	transcriptSuffix = ".calls.json"
)

// private is what has no place in a history: keys, addresses with a password, and names of the machine that recorded
// it, its users and folders.
var private = regexp.MustCompile(`PRIVATE KEY|postgres://|\d+@|/(?:tmp|root|home|work|usr|var|Users)/`)

// Run replays a corpus: every history to its end, and up to the end of each workflow task, as a worker finds runs that
// are open. The corpus is a folder of histories, name.json, each with a transcript, name.calls.json, and SHA256SUMS,
// which lists all of them.
func Run(t *testing.T, corpus string, register func(worker.WorkflowRegistry)) {
	t.Helper()
	for _, path := range Histories(t, corpus) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, Replay(t, path, register))
			require.Empty(t, private.FindString(Read(t, path).String()), "it has no place in a history")
			transcript := readTranscript(t, path)
			for _, end := range tasks(Read(t, path)) {
				cut := &historypb.History{Events: Read(t, path).Events[:end]}
				require.NoError(t, replayPart(cut, transcript, register), "cut after event %d", end)
			}
		})
	}
}

// Histories are the paths of a corpus' histories. It fails if a file is missing, was changed, is not listed, or has no
// transcript.
func Histories(t testing.TB, corpus string) (paths []string) {
	t.Helper()
	listed, err := os.ReadFile(filepath.Join(corpus, sumsFile))
	require.NoError(t, err, "record a corpus with `make record`")
	require.Equal(t, string(listed), sums(t, corpus),
		"%s: a file was changed by hand, added or removed: `make record` lists what it records",
		filepath.Join(corpus, sumsFile))
	for line := range strings.Lines(string(listed)) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if path := filepath.Join(corpus, name); !strings.HasSuffix(name, transcriptSuffix) {
			require.FileExists(t, transcriptOf(path))
			paths = append(paths, path)
		}
	}
	require.NotEmpty(t, paths)
	return paths
}

// sums lists all files of a corpus, as sha256sum does.
func sums(t testing.TB, corpus string) string {
	t.Helper()
	var lines []string
	err := fs.WalkDir(os.DirFS(corpus), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == sumsFile {
			return err
		}
		content, err := os.ReadFile(filepath.Join(corpus, name))
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name))
		return err
	})
	require.NoError(t, err)
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[sha256.Size*2:], b[sha256.Size*2:]) })
	return strings.Join(lines, "")
}

// Read reads a recorded history.
func Read(t testing.TB, path string) *historypb.History {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return history
}

func transcriptOf(path string) string { return strings.TrimSuffix(path, ".json") + transcriptSuffix }
