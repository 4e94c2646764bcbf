package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// Who may start workflows in the namespace can hand a run any state: in a start, in one that is retried or runs by a
// schedule, and from their own workflow that continues as ours. It says what is asked for and nothing else: no key,
// version, target or revocation of another certificate is reached by it.
func TestForgedStateReachesNothing(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	victim, before := s.victim()
	rows := s.rowsOf(victim)

	foreign := worker.New(s.temporal, s.queue+"-foreign", worker.Options{})
	foreign.RegisterWorkflowWithOptions(continuesAsOurs, workflow.RegisterOptions{Name: "Foreign"})
	require.NoError(t, foreign.Start())
	t.Cleanup(foreign.Stop)
	doors := map[string]client.StartWorkflowOptions{
		"start":   {TaskQueue: s.queue},
		"retried": {TaskQueue: s.queue, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 5}},
		"foreign": {TaskQueue: s.queue + "-foreign"},
	}
	t.Run("doors", func(t *testing.T) {
		for door, options := range doors {
			for _, mode := range []string{"Active", "Retiring", "Clearing", "Retired", "None"} {
				t.Run(door+" "+mode, func(t *testing.T) {
					t.Parallel()
					forger := *s
					forger.t = t
					name := strings.ToLower(s.name + "-" + door + "-" + mode)
					options := options
					options.ID = ports.WorkflowID(name)
					input := []any{plain(s.forged(name, victim, before, mode))}
					kind := ports.CertificateWorkflow
					if door == "foreign" {
						kind, input = "Foreign", append(input, s.queue)
					}
					_, err := s.temporal.ExecuteWorkflow(t.Context(), options, kind, input...)
					require.NoError(t, err)
					forger.hasItsOwn(name, before)
				})
			}
		}
	})
	require.Equal(t, rows, s.rowsOf(victim))

	// A schedule and time-outs are refused, whatever the input.
	for _, options := range []client.StartWorkflowOptions{
		{CronSchedule: "* * * * *", RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second}},
		{WorkflowRunTimeout: time.Hour}, {WorkflowExecutionTimeout: time.Hour},
	} {
		options.ID, options.TaskQueue = ports.WorkflowID(s.name+"-options"), s.queue
		run, err := s.temporal.ExecuteWorkflow(t.Context(), options, ports.CertificateWorkflow,
			plain(s.forged("options", victim, before, "Active")))
		require.NoError(t, err)
		require.Error(t, run.GetWithOptions(t.Context(), nil, client.WorkflowRunGetOptions{DisableFollowingRuns: true}))
		require.Contains(t, s.text(s.history(options.ID, run.GetRunID())), "start options: ")
		_ = s.temporal.TerminateWorkflow(context.Background(), options.ID, "", "a schedule goes on")
	}
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates WHERE name LIKE '%-options'`))
	require.Equal(t, before, status(t, s.must("cert", "status", victim, "--output", "json")).Issued)
}

// continuesAsOurs is a workflow of somebody else.
func continuesAsOurs(ctx workflow.Context, state converter.RawValue, queue string) error {
	return workflow.NewContinueAsNewError(workflow.WithWorkflowTaskQueue(ctx, queue), ports.CertificateWorkflow, state)
}

// victim is a certificate whose second version is in service and delivered to the disk.
func (s *stack) victim() (name string, issued *domain.Issued) {
	s.t.Helper()
	name = s.name + "-victim"
	s.must("cert", "ensure", name, "--name", "victim.example.test", "--deliver", "disk")
	issued = status(s.t, s.must("cert", "renew", name, "--output", "json")).Issued
	s.eventually("the delivery", func() bool {
		return s.scalar(`SELECT count(*) FROM deliveries WHERE version = $1`, issued.Version) == 1
	})
	return name, issued
}

// forged is a state that claims what is the victim's: as the machine writes it, as it once might have, and as it keeps
// it in memory.
func (s *stack) forged(own, victim string, issued *domain.Issued, mode string) string {
	version := lifecycle.Version
	if mode == "None" { // another workflow's
		version = 0
	}
	return fmt.Sprintf(`{"machine":%d,"name":%q,"mode":%q,"cycle":7,"tenant":"%0100d",
		"spec":{"names":["%s.example.test"],"keyRotation":"Never","deliveries":["disk"]},
		"want":{"reason":"Revocation","replaces":%q,"force":true},
		"visible":{"state":"Ready","issuer":"forged","names":["victim.example.test"]},
		"issued":{"version":%[7]q,"serial":%[8]q},"issuedVersion":%[7]q,"order":%[7]q,
		"record":{"issued":{"version":%[7]q,"serial":%[8]q,"names":["victim.example.test"],"issuer":"default"},
			"renewal":{"at":"2000-01-01T00:00:00Z"},
			"revocations":[{"issued":{"version":%[7]q},"reason":"keyCompromise","withoutReplacement":true}],
			"deliveries":[{"target":"disk","version":%[7]q,"contacted":true}]},
		"revoking":[{"issued":{"version":%[7]q,"serial":%[8]q},"reason":"keyCompromise","signedBy":"certificateKey"}],
		"deliveries":[{"target":"disk","version":%[7]q,"removing":true}],
		"running":[{"do":"Run","step":"DeliverCertificate","target":"disk","version":%[7]q}],
		"tickets":[{"request":{"id":"x","kind":"Revoke","reason":"keyCompromise","withoutReplacement":true},"recorded":true,"version":%[7]q}]}`,
		version, victim, mode, 0, own, issued.Version, issued.Version, issued.Serial)
}

// hasItsOwn waits until a forger's workflow has come to rest, and has its own certificate revoked as its owner may: it
// has nothing of the victim's.
func (s *stack) hasItsOwn(name string, victims *domain.Issued) {
	s.t.Helper()
	s.eventually(name+" to be at rest", func() bool {
		return s.executionStatus(ports.WorkflowID(name)) != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING ||
			s.scalar(`SELECT count(*) FROM certificates WHERE name = $1 AND current_version IS NOT NULL`, name) == 1
	})
	run := s.rested(name)
	require.Empty(s.t, taskFailures(run), name)
	got := status(s.t, s.must("cert", "ensure", name, "--name", name+".example.test", "--key-rotation", "Never",
		"--deliver", "disk", "--output", "json"))
	require.NotEqual(s.t, victims.Version, got.Issued.Version)
	require.Equal(s.t, []string{name + ".example.test"}, got.Issued.Names)
	require.Equal(s.t, 1, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1 AND id = $2`, name,
		got.Issued.Version))
	require.Zero(s.t, s.scalar(`SELECT count(*) FROM orders a JOIN orders b ON a.key_id = b.key_id WHERE a.certificate = $1 AND b.certificate <> $1`, name))
	revoked := status(s.t, s.must("cert", "revoke", name, "--reason", "keyCompromise", "--output", "json"))
	require.NotEqual(s.t, victims.Version, revoked.Issued.Version)
	s.must("cert", "retire", name, "--remove-deliveries")
}

// rowsOf is what is stored of a certificate, but for what a look at its targets changes.
func (s *stack) rowsOf(name string) (rows []string) {
	s.t.Helper()
	for _, query := range []string{
		`SELECT t::text FROM certificates t WHERE name = $1`, `SELECT t::text FROM versions t WHERE certificate = $1`,
		`SELECT t::text FROM orders t WHERE certificate = $1`,
		`SELECT t::text FROM deliveries t WHERE certificate = $1`,
		`SELECT t::text FROM events t WHERE certificate = $1 ORDER BY id`,
		`SELECT t::text FROM delivery_sequences t WHERE certificate = $1`,
	} {
		var found []string
		require.NoError(s.t, s.pool.QueryRow(context.Background(),
			`SELECT coalesce(array_agg(x ORDER BY x), '{}') FROM (`+query+`) q(x)`, name).Scan(&found))
		rows = append(rows, found...)
	}
	require.NotEmpty(s.t, rows)
	return rows
}
