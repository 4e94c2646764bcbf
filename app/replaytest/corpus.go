package replaytest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
// which lists all of them. A folder in it is a corpus too: that of a release.
func Run(t *testing.T, corpus string, register func(worker.WorkflowRegistry)) {
	t.Helper()
	paths := Histories(t, corpus)
	differences := make(chan error, len(paths))
	for _, path := range paths {
		name, err := filepath.Rel(corpus, path)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) {
			t.Parallel()
			require.Empty(t, private.FindString(Read(t, path).String()), "it has no place in a history")
			if err := replays(t, path, register); err != nil {
				differences <- err
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { // after the parallel tests, and so below what they say
		if n := len(differences); n > 0 {
			first, _, _ := strings.Cut((<-differences).Error(), "\n")
			t.Logf("%d of %d histories do not replay. %s\n%s", n, len(paths), strings.TrimSuffix(first, ":"), hint)
		}
	})
}

// replays replays a history to its end, and up to the end of each workflow task.
func replays(t *testing.T, path string, register func(worker.WorkflowRegistry)) error {
	t.Helper()
	if err := Replay(t, path, register); err != nil {
		return err
	}
	transcript := readTranscript(t, path)
	for _, end := range tasks(Read(t, path)) {
		cut := &historypb.History{Events: Read(t, path).Events[:end]}
		if err := replayPart(path, cut, transcript, register); err != nil {
			return fmt.Errorf("%w\ncut after event %d", err, end)
		}
	}
	return nil
}

// Histories are the paths of a corpus' histories. It fails if a file is missing, was changed, is not listed, or has no
// transcript.
func Histories(t testing.TB, corpus string) []string {
	t.Helper()
	paths, err := list(corpus)
	require.NoError(t, err)
	require.NotEmpty(t, paths, "record a corpus with `make record`")
	return paths
}

func list(corpus string) (paths []string, err error) {
	entries, err := os.ReadDir(corpus)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(corpus, entry.Name())
		switch {
		case entry.IsDir():
			released, err := list(path)
			if err != nil {
				return nil, err
			}
			paths = append(paths, released...)
		case entry.Name() == sumsFile, strings.HasSuffix(path, transcriptSuffix):
		default:
			if _, err := os.Stat(transcriptOf(path)); err != nil {
				return nil, fmt.Errorf("%s has no transcript: %w", path, err)
			}
			paths = append(paths, path)
		}
	}
	listed, err := os.ReadFile(filepath.Join(corpus, sumsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if there, err := sums(corpus); err != nil || there != string(listed) {
		return nil, errors.Join(err, fmt.Errorf("%s: a file was changed by hand, added or removed: `make record` lists what "+
			"it records", filepath.Join(corpus, sumsFile)))
	}
	return paths, nil
}

// sums lists a corpus' own files, as sha256sum does; nothing if all histories are in folders.
func sums(corpus string) (string, error) {
	entries, err := os.ReadDir(corpus) // in the order of their names
	if err != nil {
		return "", err
	}
	var lines strings.Builder
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == sumsFile {
			continue
		}
		content, err := os.ReadFile(filepath.Join(corpus, entry.Name()))
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	return lines.String(), nil
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
