package replaytest_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A patch whose lines have changed tells nothing any more. Whether each is caught, `make mutants` finds out.
func TestMutantsApply(t *testing.T) {
	patches, err := filepath.Glob("testdata/mutants/*.patch")
	require.NoError(t, err)
	require.Greater(t, len(patches), 30)
	for _, patch := range patches {
		path, err := filepath.Abs(patch)
		require.NoError(t, err)
		out, err := exec.CommandContext(t.Context(), "git", "-C", "../..", "apply", "--check", "-C1", path).CombinedOutput()
		require.NoError(t, err, "%s: %s", patch, out)
	}
}
