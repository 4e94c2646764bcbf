package app

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/delivery"
)

func TestTargetsAreLoggedWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	hook := func(key delivery.KeyTransport) delivery.Config {
		return delivery.Config{Name: "hook", Webhook: &delivery.Webhook{URL: "https://hook.example.org/?auth=hush",
			Secret: "whsec_hush", Key: key}}
	}
	disk := delivery.Config{Name: "disk", Directory: &delivery.Directory{Path: "/certificates/{name}"}}
	edge := delivery.Config{Name: "edge", Pull: &delivery.Pull{Clients: []string{"*"}}}
	for _, c := range []struct {
		title   string
		targets []delivery.Config
		roles   []Role
		listen  string
		warns   string
	}{
		{"none", nil, AllRoles(), "", ""},
		{"nothing is fetched", []delivery.Config{disk, hook(delivery.KeyEncrypted)}, AllRoles(), "", ""},
		{"keys are fetched", []delivery.Config{disk, hook(delivery.KeyByToken), edge}, AllRoles(), "",
			"targets=\"[hook edge]\""},
		{"keys are fetched, by default", []delivery.Config{hook("")}, AllRoles(), "", "targets=[hook]"},
		{"served here", []delivery.Config{hook(""), edge}, AllRoles(), ":8403", ""},
		{"served elsewhere, maybe", []delivery.Config{hook(""), edge}, []Role{RoleDelivery}, "", ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			config := Config{Targets: c.targets, Roles: c.roles}
			config.Pull.Listen = c.listen
			config.logTargets(slog.New(slog.NewTextHandler(&logged, nil)))
			for _, target := range c.targets {
				require.Contains(t, logged.String(), "target="+target.Name+" kind=")
			}
			require.NotContains(t, logged.String(), "hush")
			if c.warns == "" {
				require.NotContains(t, logged.String(), "level=WARN")
				return
			}
			require.Contains(t, logged.String(), "level=WARN")
			require.Contains(t, logged.String(), c.warns)
		})
	}
}
