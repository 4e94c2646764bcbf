package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRolesAreParsedInOneOrder(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]Role{
		"workflows":                           {RoleWorkflows},
		"responder, workflows,responder":      {RoleWorkflows, RoleResponder},
		"authorization,workflows,  responder": {RoleWorkflows, RoleAuthorization, RoleResponder},
	} {
		got, err := ParseRoles(list)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, list := range []string{"", ",", "workflows,", "Workflows", "deliver"} {
		_, err := ParseRoles(list)
		require.ErrorContains(t, err, JoinRoles(AllRoles()))
	}
}

// Every name is registered once on its queue, and queues differ: a role's slots are its own.
func TestRegistrationsAreTheTables(t *testing.T) {
	t.Parallel()
	seen, queues := map[string]bool{}, map[string]Role{}
	for _, r := range Registrations(AllRoles(), "base", "west") {
		key := r.TaskQueue + " " + r.Kind + " " + r.Name
		require.False(t, seen[key], key)
		seen[key] = true
		require.NotEmpty(t, r.Name)
		require.NotEmpty(t, r.Summary, "%s: what it does", key)
		if owner, ok := queues[r.TaskQueue]; ok {
			require.Equal(t, owner, r.Role)
		}
		queues[r.TaskQueue] = r.Role
	}
	require.Len(t, queues, len(Config{Roles: AllRoles()}.polling()))
	require.Contains(t, seen, "base workflow Certificate")
	require.Contains(t, seen, "base workflow Sweep")
	require.Contains(t, seen, "base local activity ReserveOrder")
	require.Contains(t, seen, "base-authorization activity ObtainCertificate")
	require.Contains(t, seen, "base-authorization activity SweepRenewals")
	require.Contains(t, seen, "base-delivery-west activity DeliverCertificate")
	require.Contains(t, seen, "base-nexus nexus service everleaf")
	require.Contains(t, seen, "base-nexus workflow NexusRequest")
	require.Empty(t, Registrations([]Role{RoleResponder}, "base", ""))
}
