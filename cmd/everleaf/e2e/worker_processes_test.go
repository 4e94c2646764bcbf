package e2e

import (
	"context"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// The Go worker guide, line by line; docs/temporal-worker.md has the table. Each of these files shows one of its
// concepts.

// A worker is a client, a task queue's name and options, which may all be left out; and every one may be set.
func TestWorkerRunsWithAnyOptions(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	for title, flags := range map[string][]string{
		"defaults": nil,
		"least": {"--roles=workflows,authorization,responder", "--workflow-slots=2", "--local-step-slots=1",
			"--authorization-slots=1",
			"--max-pollers=1", "--sticky-cache=0", "--start-timeout=20s", "--stop-timeout=5s",
			"--termination-grace-period=30s"},
		"tuned": {"--target-memory=0.9", "--max-pollers=50", "--sticky-cache=10"},
	} {
		p := s.run(flags...)
		require.NotNil(t, status(t, s.must("cert", "ensure", s.name+"-"+title, "--name", title+".example.test",
			"--output", "json")).Issued)
		p.stop()
		require.Contains(t, p.log.String(), "stopBudget=", title)
	}
	refused := s.cli("worker", "--stop-timeout=25s", "--termination-grace-period=10s")
	refused.exits(t, 2)
	require.Contains(t, refused.stderr, "a stop may take ")
}

// SIGINT and SIGTERM end polling; the process drains and exits 0, well within its budget when there is little to do.
func TestInterruptStopsCleanly(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := s.run()
		s.must("cert", "ensure", s.name, "--name", "interrupted.example.test")
		began := time.Now()
		require.NoError(t, p.cmd.Process.Signal(signal))
		<-p.done
		require.Equal(t, 0, p.cmd.ProcessState.ExitCode(), "after %s: %s", signal, p.log)
		require.Less(t, time.Since(began), 10*time.Second)
		require.Equal(t, 4, strings.Count(p.log.String(), "Stopped Worker"), "one for each role with a queue")
		require.NotContains(t, p.log.String(), "level=ERROR")
	}
}

// Any SDK can call: what it needs is the server, the queue's, the workflow's and the certificate's name.
func TestCallerInAnotherProcessStartsByName(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.run()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := s.temporal.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: "certificate/" + s.name, TaskQueue: s.queue},
		"Certificate", map[string]any{"spec": map[string]any{"names": []string{"caller.example.test"}}})
	require.NoError(t, err)
	s.eventually("the certificate", func() bool {
		answer, err := s.temporal.QueryWorkflow(ctx, "certificate/"+s.name, "", "Status")
		var status struct{ Phase string }
		return err == nil && answer.Get(&status) == nil && status.Phase == "Ready"
	})
}

// Roles may be parted among processes, each with what it needs: the responder has no Temporal, sealing key or CA.
func TestRolesInProcessesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	all := s.env
	s.env = nil
	for _, entry := range all {
		if !strings.HasPrefix(entry, "TEMPORAL_") && !strings.HasPrefix(entry, "EVERLEAF_SEALING") &&
			!strings.HasPrefix(entry, "EVERLEAF_ACME") {
			s.env = append(s.env, entry)
		}
	}
	responder := s.run("--roles=responder")
	answer, err := http.Get("http://" + s.http01 + "/.well-known/acme-challenge/unknown")
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
	refused := s.cli("worker", "--roles=authorization")
	refused.exits(t, 2)
	require.Contains(t, refused.stderr, "the roles authorization work with private keys")

	s.env = all
	workflows, authorization := s.run("--roles=workflows"), s.run("--roles=authorization")
	s.must("cert", "ensure", s.name, "--name", "parted.example.test")
	run := s.rested(s.name)
	require.Equal(t, []string{authorization.identity("authorization")}, activityIdentities(run))
	require.Equal(t, []string{workflows.identity("workflows")}, taskIdentities(run))
	for _, p := range []*process{workflows, authorization, responder} {
		p.stop()
	}
}
