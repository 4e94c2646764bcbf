package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/caller"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	// benchCount certificates, benchInFlight at once: Pebble can lock up above about 24 orders in flight.
	benchCount    = 120
	benchInFlight = 20
	// neverReuse makes every issuance show control of its name.
	neverReuse = "PEBBLE_AUTHZREUSE=0"
)

// BenchmarkCounts prints what one issuance and one renewal of a one-name certificate cost in Temporal and Postgres.
// They are counts: the same on every machine.
func BenchmarkCounts(b *testing.B) {
	s := newStackWith(b, minute, neverReuse)
	s.renewsSoon(2)
	s.worker()
	s.must("cert", "ensure", s.name+"-warm", "--name", "warm.example.test") // account and statement caches
	s.quietDown(s.name + "-warm")

	before := s.statements()
	s.must("cert", "ensure", s.name, "--name", "counted.example.test")
	issuance := s.rested(s.name).Events
	issued := s.statements() - before
	s.eventually("the renewal", func() bool { return len(activitiesOf(s.runs(s.name)[0])) == 2 })
	renewal := s.rested(s.name).Events[len(issuance):]
	renewed := s.statements() - before - issued
	b.ReportMetric(0, "ns/op")
	b.Logf("%-10s %8s %8s %10s", "", "actions", "events", "statements")
	b.Logf("%-10s %8d %8d %10d   (asked for by an update: one action and two events more than a plain start)", "issuance", actions(issuance), len(issuance), issued)
	b.Logf("%-10s %8d %8d %10d", "renewal", actions(renewal), len(renewal), renewed)
}

// BenchmarkIssuance obtains certificates through the worker and then with a bare ACME client in the same run against
// the same CA, and prints throughput and CPU of both, and their ratios.
func BenchmarkIssuance(b *testing.B) {
	s := newStackWith(b, ninetyDays, neverReuse)
	s.set("EVERLEAF_ACME_DIRECTORY", s.ca.Directory) // not through the proxy: it shares these cores
	s.set("EVERLEAF_ACME_CA_BUNDLE", s.ca.CABundle)
	w := s.worker()
	s.must("cert", "ensure", s.name+"-warm", "--name", "warm.example.test")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()

	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	idle := cpuOf(b, w.cmd.Process.Pid)
	started := time.Now()
	require.NoError(b, inFlight(benchCount, benchInFlight, func(i int) error {
		name := fmt.Sprintf("%s-%d", s.name, i)
		got, err := keeper.Ensure(ctx, name, domain.Spec{Names: []string{fmt.Sprintf("bench-%d.example.test", i)}})
		if err != nil || got.Issued == nil {
			return fmt.Errorf("%s: %+v: %w", name, got, err)
		}
		return nil
	}))
	took := time.Since(started)
	cpu := cpuOf(b, w.cmd.Process.Pid) - idle
	w.stop()
	require.Equal(b, benchCount+1, s.scalar(`SELECT count(*) FROM versions`))

	job, err := json.Marshal(bareJob{Directory: s.ca.Directory, CABundle: s.ca.CABundle, Listen: s.http01, Count: benchCount, InFlight: benchInFlight})
	require.NoError(b, err)
	bare := exec.Command(os.Args[0])
	bare.Env, bare.Stderr, bare.SysProcAttr = append(os.Environ(), bareWork+"="+string(job)), os.Stderr, dieWithParent()
	started = time.Now()
	require.NoError(b, runLocked(bare))
	bareTook, bareCPU := time.Since(started), bare.ProcessState.UserTime()+bare.ProcessState.SystemTime()

	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / benchCount }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cpu)/float64(bareCPU), "CPU-ratio")
	b.ReportMetric(float64(bareTook)/float64(took), "throughput-ratio")
	b.Logf("%-12s %10s %16s", "", "issued/s", "CPU ms/issuance")
	b.Logf("%-12s %10.1f %16.1f", "everleaf", benchCount/took.Seconds(), per(cpu))
	b.Logf("%-12s %10.1f %16.1f", "bare client", benchCount/bareTook.Seconds(), per(bareCPU))
}

// quietDown ends a certificate's workflow, so that it does nothing while another is counted.
func (s *stack) quietDown(name string) {
	s.t.Helper()
	require.NoError(s.t, s.temporal.TerminateWorkflow(context.Background(), ports.WorkflowID(name), "", "counted next"))
}

// statements is how many SQL statements this database's clients have run, the test's own left out.
func (s *stack) statements() (n int) {
	s.t.Helper()
	ctx := context.Background()
	_, err := s.pool.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`)
	require.NoError(s.t, err)
	require.NoError(s.t, s.pool.QueryRow(ctx, `SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
		WHERE toplevel AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND query NOT ILIKE '%pg_stat_statements%'`).Scan(&n))
	return n
}

// cpuOf is the user and system time that a process has used so far, in the kernel's ticks of 10 ms (proc(5)).
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	return time.Duration(atoi(b, fields[11])+atoi(b, fields[12])) * 10 * time.Millisecond
}
