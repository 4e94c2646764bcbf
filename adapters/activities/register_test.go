package activities_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities/delivering"
	"everleaf/adapters/activities/issuing"
	"everleaf/adapters/activities/sweeping"
	"everleaf/domain"
)

// names is a registry that only remembers.
type names struct {
	worker.ActivityRegistry
	registered []string
}

func (n *names) RegisterActivityWithOptions(_ any, options activity.RegisterOptions) {
	n.registered = append(n.registered, options.Name)
}

// The lists of steps are in ports themselves. Each has one home.
func TestEveryStepIsRegistered(t *testing.T) {
	var all names
	issuing.RegisterShort(&all, issuing.New(issuing.Params{}))
	issuing.RegisterLong(&all, issuing.New(issuing.Params{}))
	delivering.Register(&all, delivering.New(delivering.Params{}))
	sweeping.Register(&all, sweeping.New(sweeping.Params{}))
	require.ElementsMatch(t, slices.Concat(stepsOf(t, "../../ports/steps.go"), stepsOf(t, "../../ports/sweep.go")),
		all.registered)
}

// stepsOf reads the names in the Step[In, Out]{Name: "..."} literals of a file.
func stepsOf(t *testing.T, path string) (steps []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if step, ok := literal.Type.(*ast.IndexListExpr); !ok || step.X.(*ast.Ident).Name != "Step" {
			return true
		}
		switch name := literal.Elts[0].(*ast.KeyValueExpr).Value.(type) {
		case *ast.BasicLit:
			text, err := strconv.Unquote(name.Value)
			require.NoError(t, err)
			steps = append(steps, text)
		case *ast.SelectorExpr:
			require.Equal(t, "RemovalStep", name.Sel.Name)
			steps = append(steps, domain.RemovalStep)
		}
		return true
	})
	require.NotEmpty(t, steps)
	return steps
}
