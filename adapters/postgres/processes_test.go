package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
	"everleaf/ports"
)

func TestProcessesComeAndGo(t *testing.T) {
	t.Parallel()
	pool, _ := postgrestest.New(t)
	processes := postgres.NewProcesses(pool)
	running := func() (ids []string) {
		t.Helper()
		found, err := processes.Processes(t.Context())
		require.NoError(t, err)
		for _, process := range found {
			ids = append(ids, process.ID)
		}
		return ids
	}
	silent := func(id string, age time.Duration) {
		t.Helper()
		_, err := pool.Exec(t.Context(), `UPDATE processes SET seen_at = now() - make_interval(secs => $2) WHERE id = $1`, id, age.Seconds())
		require.NoError(t, err)
	}
	require.Empty(t, running())

	whole := ports.Process{ID: "1@b/life", Host: "b", Build: "build", ProcessSettings: ports.ProcessSettings{
		Roles: []string{"workflows", "delivery"}, TaskQueue: "everleaf", Namespace: "default",
		Issuers: []ports.ProcessIssuer{
			{Name: "default", Directory: "https://ca.example/dir", Profiles: []string{"short"}, Known: true},
			{Name: "other", Directory: "https://o.example"},
		},
		Targets: []ports.ProcessTarget{{Name: "nginx", Host: "b"}}, Zones: []string{"example.com"},
		Opens: []string{"01aa", "01bb"}, SealsWith: "01aa",
	}}
	require.NoError(t, processes.RecordProcess(t.Context(), whole))
	responder := ports.Process{ID: "2@a/life", Host: "a",
		ProcessSettings: ports.ProcessSettings{Roles: []string{"responder"}}}
	require.NoError(t, processes.RecordProcess(t.Context(), responder))
	require.Equal(t, []string{"2@a/life", "1@b/life"}, running(), "by host")

	found, err := processes.Processes(t.Context())
	require.NoError(t, err)
	first := found[1]
	require.WithinDuration(t, time.Now(), first.StartedAt, time.Minute)
	require.Equal(t, first.StartedAt, first.SeenAt)
	whole.StartedAt, whole.SeenAt = first.StartedAt, first.SeenAt
	require.Equal(t, whole, first)

	whole.Zones = nil
	require.NoError(t, processes.RecordProcess(t.Context(), whole))
	found, err = processes.Processes(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.StartedAt, found[1].StartedAt, "a process starts once")
	require.True(t, found[1].SeenAt.After(first.SeenAt))
	require.Empty(t, found[1].Zones)

	silent(responder.ID, ports.ProcessGone-10*time.Second)
	require.Len(t, running(), 2)
	silent(responder.ID, ports.ProcessGone+time.Second)
	require.Equal(t, []string{whole.ID}, running(), "gone")
	require.NoError(t, processes.RecordProcess(t.Context(), responder))
	require.Len(t, running(), 2, "and back: it was only out of reach")

	silent(whole.ID, ports.ProcessGone+time.Second)
	require.NoError(t, processes.RecordProcess(t.Context(), responder))
	var rows int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM processes`).Scan(&rows))
	require.Equal(t, 1, rows, "those that are gone are removed by the next that comes")

	// What cannot be read hides no other, and what claims to be of the future is not there.
	for id, seen := range map[string]string{"unreadable": "now()", "future": "now() + interval '1 hour'"} {
		_, err = pool.Exec(t.Context(), `INSERT INTO processes (id, host, build, settings, seen_at)
			VALUES ($1, 'z', '', '{"targets": "x"}', `+seen+`)`, id)
		require.NoError(t, err)
	}
	require.Equal(t, []string{responder.ID, "unreadable"}, running())
	require.NoError(t, processes.RemoveProcess(t.Context(), "unreadable"))

	for range 2 {
		require.NoError(t, processes.RemoveProcess(t.Context(), responder.ID))
	}
	require.Empty(t, running())

	pool.Close()
	_, err = processes.Processes(t.Context())
	requireFault(t, err, domain.FaultWait, "DatabaseUnavailable")
	requireFault(t, processes.RecordProcess(t.Context(), whole), domain.FaultWait, "DatabaseUnavailable")
	requireFault(t, processes.RemoveProcess(t.Context(), whole.ID), domain.FaultWait, "DatabaseUnavailable")
}
