package replaytest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Overlay is a file for the go command's flag -overlay: it builds another build of these sources, by path, without a
// change in the work tree. In each, the one text is replaced by the other, which fails if it is not there.
func Overlay(t testing.TB, sources map[string][2]string) (file string) {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for path, texts := range sources {
		path, err := filepath.Abs(path)
		require.NoError(t, err)
		today, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.Contains(string(today), texts[0]),
			"%s: this test builds another version by replacing %q, which is not there: "+
				"name the rule as it is now", path, texts[0])
		replace[path] = filepath.Join(dir, filepath.Base(path))
		other := strings.ReplaceAll(string(today), texts[0], texts[1])
		require.NoError(t, os.WriteFile(replace[path], []byte(other), 0o600))
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	file = filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, encoded, 0o600))
	return file
}
