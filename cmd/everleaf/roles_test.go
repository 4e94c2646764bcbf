package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/app"
)

// What a role reads follows from what it runs and from what it cannot do without, and package app says both.

// roleRuns reports whether a role has a registration like this.
func roleRuns(like func(app.Registration) bool) func(*testing.T, app.Role) bool {
	return func(_ *testing.T, role app.Role) bool {
		return slices.ContainsFunc(app.Registrations([]app.Role{role}, "everleaf", ""), like)
	}
}

func isRole(name app.Role) func(*testing.T, app.Role) bool {
	return func(_ *testing.T, role app.Role) bool { return role == name }
}

// refusesWithout reports whether a process with the role alone, and with nothing but what all need, is refused for this.
// Other things that are missing are given one by one until it is, or until nothing is missing any more.
func refusesWithout(missing string) func(*testing.T, app.Role) bool {
	return func(t *testing.T, role app.Role) bool {
		t.Helper()
		config := app.Config{Roles: []app.Role{role}, StartTimeout: time.Second}
		config.HTTP01.CheckPort, config.HTTP01.Listen, config.DNS01.CheckPort, config.Ops.Listen = 80, ":0", 53, ":0"
		config.Pull.Listen, config.Temporal.TaskQueue = ":0", "everleaf"
		err := config.Validate()
		if err != nil && strings.Contains(err.Error(), "--sealing-key") && missing != "--sealing-key" {
			config.Sealing.KeyURL = "file:///sealing.key"
			err = config.Validate()
		}
		return err != nil && strings.Contains(err.Error(), missing)
	}
}

func TestNeedsOfRolesAreKnown(t *testing.T) {
	for _, n := range []need{polls, replays, delivers, obtains, sweeps, operates, issues, seals, answers, hands} {
		require.True(t, slices.ContainsFunc(app.AllRoles(), func(r app.Role) bool { return n.has(t, r) }))
		require.False(t, !slices.ContainsFunc(app.AllRoles(), func(r app.Role) bool { return !n.has(t, r) }))
	}
}
