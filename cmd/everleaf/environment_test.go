package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A platform that mounts secrets as files needs no shell to make variables of them.
func TestSecretsAreReadFromFiles(t *testing.T) {
	b := newBench(t) // which clears the variables
	path := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(path, []byte("postgres://from-a-file/everleaf\n"), 0o600))
	for _, name := range secretVariables {
		t.Setenv(name, "")
		t.Setenv(name+"_FILE", path)
	}
	require.Empty(t, readSecrets())
	for _, name := range secretVariables {
		require.Equal(t, "postgres://from-a-file/everleaf", os.Getenv(name))
	}
	b.exits(t, exitUsage, b.run(t.Context(), "cert", "list"))
	require.Contains(t, b.err.String(),
		"EVERLEAF_POSTGRES_URL and EVERLEAF_POSTGRES_URL_FILE are both set: leave one of them out")
	require.NotContains(t, b.err.String(), "no setting is called")
	require.NotContains(t, b.err.String(), "from-a-file")

	require.NoError(t, os.Unsetenv(secretVariables[0]))
	t.Setenv(secretVariables[0]+"_FILE", path+"-absent")
	b = newBench(t)
	t.Setenv(secretVariables[0]+"_FILE", path+"-absent")
	b.exits(t, exitUsage, b.run(t.Context(), "cert", "list"))
	require.Contains(t, b.err.String(), "no such file or directory: correct the path")
	for _, needsNone := range [][]string{{"version"}, {"cert", "list", "--help"}} {
		b = newBench(t)
		t.Setenv(secretVariables[0]+"_FILE", path+"-absent")
		b.exits(t, exitOK, b.run(t.Context(), needsNone...))
	}
}
