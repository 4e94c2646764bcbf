package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
)

// fx cuts a stop off at the budget's total, so every stage must fit in it.
func TestStopBudgetIsTheSumOfItsStages(t *testing.T) {
	t.Parallel()
	c := settings(t)
	require.Equal(t, "9.5s = drain 5s + release 2s + listeners 1s + connections 1s + telemetry 500ms", c.StopBudget().String())
	process := fx.New(Worker(t.Context(), c, idle(), quiet())) // there is no Postgres; its budgets are set all the same
	require.Equal(t, 9500*time.Millisecond, process.StopTimeout())
	c.Roles = []Role{RoleResponder}
	require.Equal(t, "2.5s = listeners 1s + connections 1s + telemetry 500ms", c.StopBudget().String(), "nothing to drain")
}
