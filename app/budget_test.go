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
	require.Equal(t, "9.9s = drain 5s + release 2s + listeners 1s + connections 1s + telemetry 500ms + probes 400ms",
		c.StopBudget().String())
	process := fx.New(Worker(t.Context(), c, idle(), quiet())) // there is no Postgres; its budgets are set all the same
	require.Equal(t, 9900*time.Millisecond, process.StopTimeout())
	c.Roles = []Role{RoleResponder}
	require.Equal(t, "2.9s = listeners 1s + connections 1s + telemetry 500ms + probes 400ms", c.StopBudget().String(),
		"nothing to drain")
}
