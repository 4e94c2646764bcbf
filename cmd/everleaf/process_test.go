package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/ports"
)

func TestProcessesAreListed(t *testing.T) {
	b := newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), "process", "list", "-o", "json", "--postgres-url", "postgres://db"))
	require.Equal(t, "[]\n", b.out.String())
	b.exits(t, exitUsage, b.run(t.Context(), "process", "list"))

	b = newBench(t)
	b.running = []app.Process{
		{ID: "1@a/x", Host: "a", Build: "b1", StartedAt: noon.Add(-time.Hour), SeenAt: noon.Add(-3 * time.Second),
			ProcessSettings: ports.ProcessSettings{
				Roles: []string{"workflows", "delivery"}, TaskQueue: "everleaf",
				Issuers: []ports.ProcessIssuer{{Name: "default"}, {Name: "spare"}},
				Targets: []ports.ProcessTarget{{Name: "nginx", Host: "a"}, {Name: "hook"}}, Opens: []string{"01aa"},
				SealsWith: "01aa",
			}},
		{ID: "2@b/y", Host: "b", StartedAt: noon, SeenAt: noon,
			ProcessSettings: ports.ProcessSettings{Roles: []string{"responder"}}},
	}
	b.exits(t, exitOK, b.run(t.Context(), "process", "list", "--postgres-url", "postgres://db"))
	require.Equal(t, "postgres://db", b.config.Postgres.URL)
	require.Equal(t, `
PROCESS  ROLES               TASK QUEUE  BUILD  STARTED                              SEEN                              ISSUERS        TARGETS       SEALS WITH
1@a/x    workflows,delivery  everleaf    b1     2026-11-22 11:00:00 UTC (1h00m ago)  2026-11-22 11:59:57 UTC (3s ago)  default,spare  nginx@a,hook  01aa
2@b/y    responder           -           -      2026-11-22 12:00:00 UTC (now)        2026-11-22 12:00:00 UTC (now)     -              -             -
`, "\n"+b.out.String())
}
