package callertest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A service of another module uses Everleaf by a replace, and needs nothing that a clone of Everleaf does not have.
func TestAnotherModuleBuildsAndTestsWithAReplace(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	module := t.TempDir()
	for _, file := range []string{"shop.go", "shop_test.go"} {
		content, err := os.ReadFile(filepath.Join("testdata", "shop", file))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(module, file), content, 0o600))
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(module, "go.sum"), sums, 0o600))
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = module, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "go %v\n%s", args, out)
	}
	run("mod", "init", "shop.example")
	run("mod", "edit", "-require=everleaf@v0.0.0", "-replace=everleaf="+root)
	run("vet", "./...")
	run("test", "-count=1", "./...")
}
