package lifecycle

import (
	"go/types"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

// What workflows call is replayed, so of package domain they use types and constants only: policy is called by steps,
// and its decisions are recorded. No linter can tell a function from a type here, so this test does.
func TestWorkflowsCallNoPolicy(t *testing.T) {
	require.Empty(t, policyCalls(t, "everleaf/domain/lifecycle", "everleaf/app/internal/fault",
		"everleaf/app/lifecycle",
		"everleaf/app/nexus", "everleaf/app/sweep"))
}

// A fence that has gone blind must not look like clean code.
func TestFenceSeesPolicy(t *testing.T) {
	require.Equal(t, []string{"AsFault", "Error", "Transient"}, policyCalls(t, "./testdata/badworkflow"))
}

// policyCalls are the names of the functions and methods of package domain that the packages use.
func policyCalls(t *testing.T, patterns ...string) (names []string) {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax}, patterns...)
	require.NoError(t, err)
	require.Len(t, loaded, len(patterns))
	for _, p := range loaded {
		require.Empty(t, p.Errors, p.PkgPath)
		for _, used := range p.TypesInfo.Uses {
			if f, ok := used.(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() == "everleaf/domain" {
				names = append(names, f.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
