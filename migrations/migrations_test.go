package migrations_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/migrations"
)

// Gaps and branches in the numbers would let two builds disagree about what a version means.
func TestNumbersAreConsecutiveAndVersionIsTheLast(t *testing.T) {
	files, err := fs.Glob(migrations.FS, "*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i, file := range files {
		require.True(t, strings.HasPrefix(file, fmt.Sprintf("%05d_", i+1)), "%s is number %d", file, i+1)
		text, err := fs.ReadFile(migrations.FS, file)
		require.NoError(t, err)
		require.Contains(t, string(text), "-- +goose Up\n", file)
		require.NotContains(t, string(text), "+goose Down", "%s: migrations go forward only", file)
	}
	require.EqualValues(t, len(files), migrations.Version())
}
