package caller

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A service that imports this package gets what Temporal's SDK needs, ports and domain, and nothing else.
func TestDependencies(t *testing.T) {
	t.Parallel()
	ours := dependencies(t, "everleaf/adapters/caller")
	sdk := dependencies(t, "go.temporal.io/sdk/client", "go.temporal.io/sdk/temporal", "github.com/google/uuid",
		"everleaf/domain")
	var more []string
	for _, p := range ours {
		if !slices.Contains(sdk, p) {
			more = append(more, p)
		}
	}
	require.Equal(t, []string{"everleaf/adapters/caller", "everleaf/adapters/internal/connection",
		"everleaf/domain/lifecycle", "everleaf/ports"}, more)
	for _, p := range dependencies(t, "everleaf/domain") {
		require.True(t, strings.HasPrefix(p, "everleaf/domain") || strings.HasPrefix(p, "golang.org/x/"), p)
	}
}

// dependencies lists what the packages are built from, without the standard library, in order.
func dependencies(t *testing.T, packages ...string) (found []string) {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-deps", "-f",
		"{{if not .Standard}}{{.ImportPath}}{{end}}"}, packages...)...).Output()
	require.NoError(t, err)
	found = strings.Fields(string(out))
	slices.Sort(found)
	return found
}
