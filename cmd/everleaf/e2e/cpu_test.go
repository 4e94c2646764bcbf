package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/caller"
	"everleaf/adapters/servertest"
)

// A herd renews again and again, as the CA suggests: all within herdWindow, every herdPeriod. herdLead is how far
// ahead of an issuance the next window is at least, more than the pause that follows each (a sixth of a life).
const (
	herdCount   = 120
	herdRenewal = 4
	herdPeriod  = 32 * time.Second
	herdWindow  = 10 * time.Second
	herdLead    = 17 * time.Second
)

// herdLife leaves room for a period after each issuance.
var herdLife = acmetest.Profile{Description: "96 seconds", ValidityPeriod: 96}

// BenchmarkRenewals prints the processor time that renewals by their own timers cost the worker, Temporal and
// Postgres, four in a row for each certificate, so that continue-as-new is among them. What the processes use while
// nothing happens is measured before and taken off.
func BenchmarkRenewals(b *testing.B) {
	s := newStackWith(b, herdLife, neverReuse, steady)
	w := s.worker()
	start := time.Now().Add(herdPeriod).Truncate(time.Second)
	s.proxy.on(&rule{path: pathRenewal, left: -1, instead: func(w http.ResponseWriter, _ *http.Request) {
		suggest(w, nextWindow(start, time.Now()), herdWindow)
	}})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	require.NoError(b, inFlight(herdCount, 24,
		func(i int) error { return s.obtain(ctx, keeper, fmt.Sprintf("herd-%d", i)) }))
	require.Less(b, time.Now().Add(herdLead), start, "issued in time for the first window")

	now := func() (used [3]time.Duration) {
		return [3]time.Duration{cpuOf(b, w.cmd.Process.Pid), cpuOf(b, temporalServer(b)), treeCPU(b, s.postmaster())}
	}
	time.Sleep(3 * time.Second) // what follows the answers
	quiet, quietFrom := now(), time.Now()
	time.Sleep(time.Until(start.Add(-500 * time.Millisecond)))
	before, from := now(), time.Now()
	quietFor := from.Sub(quietFrom)
	time.Sleep(time.Until(start.Add(herdRenewal*herdPeriod - 500*time.Millisecond)))
	after, took := now(), time.Since(from)
	renewals := s.scalar(`SELECT count(*) FROM versions`) - herdCount
	require.Equal(b, herdCount*herdRenewal, renewals, "each certificate once a window")

	rows := []string{"\tCPU ms a renewal\tCPU ms a second at idle"}
	for i, process := range []string{"worker", "Temporal", "Postgres"} {
		idle := float64(before[i]-quiet[i]) / float64(quietFor)
		net := float64(after[i]-before[i]) - idle*float64(took)
		rows = append(rows, fmt.Sprintf("%s\t%.1f\t%.1f", process, net/float64(renewals)/float64(time.Millisecond),
			idle*1000))
	}
	b.ReportMetric(0, "ns/op")
	report(b, fmt.Sprintf("What %d renewals by their own timers cost, %d of each of %d certificates; what the processes use at idle is taken off.",
		renewals, herdRenewal, herdCount), rows...)
}

// nextWindow is when the next window opens for a certificate that is issued now.
func nextWindow(start, now time.Time) time.Time {
	for start.Before(now.Add(herdLead)) {
		start = start.Add(herdPeriod)
	}
	return start
}

func TestNextWindow(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	require.Equal(t, start, nextWindow(start, start.Add(-herdLead)))
	require.Equal(t, start.Add(herdPeriod), nextWindow(start, start))
	require.Equal(t, start.Add(herdPeriod), nextWindow(start, start.Add(herdWindow+4*time.Second)),
		"issued when the window had closed")
	require.Less(t, herdLife.ValidityPeriod/6, int(herdLead.Seconds()), "the pause after an issuance")
	require.Less(t, int((herdPeriod + herdLead + herdWindow).Seconds()), herdLife.ValidityPeriod*5/6,
		"the last instant to renew at")
}

// cpuOf is the user and system time that a process has used so far, in the kernel's ticks of 10 ms (proc(5)).
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	return readStat(t, string(text)).own
}

// treeCPU is what a process, its children and those of them that have ended have used.
func treeCPU(t testing.TB, pid int) (used time.Duration) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		switch p := readStat(t, string(text)); pid {
		case p.pid:
			used += p.own + p.ended
		case p.parent:
			used += p.own
		}
	}
	return used
}

// processStat is what /proc/<pid>/stat says of a process: ended is what its children used that have ended.
type processStat struct {
	pid, parent int
	own, ended  time.Duration
}

func readStat(t testing.TB, text string) processStat {
	t.Helper()
	before, after, found := strings.Cut(text, " (")
	name := strings.LastIndex(after, ") ") // which may hold brackets itself
	require.True(t, found && name > 0, text)
	fields := strings.Fields(after[name+2:])
	ticks := func(a, b int) time.Duration {
		return time.Duration(atoi(t, fields[a])+atoi(t, fields[b])) * 10 * time.Millisecond
	}
	return processStat{pid: atoi(t, before), parent: atoi(t, fields[1]), own: ticks(11, 12), ended: ticks(13, 14)}
}

func TestReadStat(t *testing.T) {
	require.Equal(t, processStat{pid: 77, parent: 5, own: 310 * time.Millisecond, ended: 70 * time.Millisecond},
		readStat(t, "77 (a ) (b) S 5 77 77 0 -1 4194560 100 200 0 0 10 21 3 4 20 0 9 0 3400 12345 678 18446744073709551615 1 1 0"))
}

// temporalServer is the process of the tests' Temporal server.
func temporalServer(t testing.TB) int {
	t.Helper()
	_, port, err := net.SplitHostPort(servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"))
	require.NoError(t, err)
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		command, _ := os.ReadFile(file)
		if text := string(command); strings.Contains(text, "\x00start-dev\x00") &&
			strings.Contains(text, "\x00--port\x00"+port+"\x00") {
			return atoi(t, strings.Split(file, "/")[2])
		}
	}
	t.Fatalf("no process of a Temporal dev server at port %s", port)
	return 0
}

// postmaster is the process whose children Postgres's others are.
func (s *stack) postmaster() int {
	s.t.Helper()
	var file string
	require.NoError(s.t, s.pool.QueryRow(context.Background(), `SELECT pg_read_file('postmaster.pid')`).Scan(&file))
	pid, err := strconv.Atoi(strings.SplitN(file, "\n", 2)[0])
	require.NoError(s.t, err)
	return pid
}
