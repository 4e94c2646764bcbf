package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"everleaf/adapters/caller"
	"everleaf/adapters/servertest"
	"everleaf/domain"
	"everleaf/ports"
)

// neverReuse makes every issuance show control of its name, but for one in a hundred: Pebble 2.10.3 uses an
// authorization again unless rand.Intn(100) > 0.
const neverReuse = "PEBBLE_AUTHZREUSE=0"

// BenchmarkCounts prints what one issuance and one renewal of a one-name certificate cost in Temporal and Postgres.
// They are counts: the same on every machine. A renewal is the average of four in a row, one of which continues the
// workflow as new.
func BenchmarkCounts(b *testing.B) {
	const renewals = 4
	s := newStackWith(b, minute, neverReuse, steady)
	proxy := newGRPCProxy(b, servertest.Setting(b, "EVERLEAF_TEST_TEMPORAL"))
	direct := s.setting("TEMPORAL_ADDRESS")
	s.set("TEMPORAL_ADDRESS", proxy.Address)
	s.worker()
	s.set("TEMPORAL_ADDRESS", direct)                                       // callers are not counted
	s.must("cert", "ensure", s.name+"-warm", "--name", "warm.example.test") // account and statement caches
	s.rested(s.name + "-warm")
	s.quietDown(s.name + "-warm")

	s.renewsSoon(renewals)
	start := s.tally(proxy, "")
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	require.NoError(b, s.obtain(context.Background(), keeper, "counted"))
	name := s.name + "-counted"
	s.rested(name)
	issued := s.tally(proxy, name)
	for n := range renewals {
		s.eventually("a renewal", func() bool {
			return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, name) == n+2
		})
	}
	s.rested(name)
	renewed := s.tally(proxy, name)

	b.ReportMetric(0, "ns/op")
	rows := []string{"\tbillable actions\thistory events\tSQL statements\tworker RPCs"}
	for _, row := range []struct {
		name     string
		from, to tally
		per      float64
	}{{"issuance", start, issued, 1}, {"renewal", issued, renewed, renewals}} {
		per := func(from, to int) float64 { return float64(to-from) / row.per }
		rows = append(rows, fmt.Sprintf("%s\t%.2f\t%.2f\t%.2f\t%.2f", row.name, per(row.from.actions, row.to.actions),
			per(row.from.events, row.to.events), per(row.from.statements, row.to.statements),
			per(sum(row.from.calls), sum(row.to.calls))))
	}
	report(b, "What one issuance asked for by Ensure, and one renewal by its own timer (average of four, one of which continues as new) cost.\n"+
		"RPCs are the worker's to Temporal that brought a task or answered one.", rows...)
	for _, method := range slices.Sorted(maps.Keys(renewed.calls)) {
		b.Logf("%s: %d in the issuance, %d in the %d renewals", method, issued.calls[method]-start.calls[method],
			renewed.calls[method]-issued.calls[method], renewals)
	}
}

// tally is what was spent so far.
type tally struct {
	actions, events, statements int
	calls                       map[string]int
}

// tally counts a certificate's actions and events, and all statements and calls; no name stands for a certificate to
// come.
func (s *stack) tally(proxy *grpcProxy, name string) tally {
	s.t.Helper()
	t := tally{statements: s.statements(), calls: proxy.counted()}
	if name == "" {
		return t
	}
	for _, run := range s.runs(name) {
		t.actions += actions(run.Events)
		t.events += len(run.Events)
	}
	return t
}

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// What an issuance at idle waits for and cannot hasten.
const (
	// caWait is Pebble's Retry-After while it issues, seen once.
	caWait = time.Second
	// firstLook is the worker's pause before its first look at an authorization (pace.first in
	// adapters/activities/issuing).
	firstLook = 100 * time.Millisecond
)

// BenchmarkIdle prints how long one issuance takes, from the call to the answer, while nothing else is going on, and
// the part of it that is not spent waiting at the CA's wish and before the first look.
func BenchmarkIdle(b *testing.B) {
	const count = 21
	s := newStackWith(b, ninetyDays, neverReuse, steady)
	s.direct()
	s.worker()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	var took []time.Duration
	for i := range count + 2 {
		started := time.Now()
		require.NoError(b, s.obtain(ctx, keeper, fmt.Sprintf("idle-%d", i)))
		if i >= 2 { // after account and statement caches
			took = append(took, time.Since(started))
		}
		time.Sleep(200 * time.Millisecond) // what follows an answer is not part of the next
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(0, "ns/op")
	report(b, fmt.Sprintf("What one issuance took at idle, in ms, the middle one of %d: in all, the CA's Retry-After, the wait before the first look, and\n"+
		"the rest, which is the work of worker, Temporal, Postgres and CA; one in ten took less in all than p10 or more than p90.", count),
		"in all\tRetry-After\tfirst look\town part\tp10\tp90",
		fmt.Sprintf("%.1f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f", ms(took[count/2]), ms(caWait), ms(firstLook),
			ms(took[count/2]-caWait-firstLook),
			ms(took[count/10]), ms(took[count*9/10])))
}

// direct has workers reach the CA itself, not through the proxy, which shares these cores.
func (s *stack) direct() {
	s.set("EVERLEAF_ACME_DIRECTORY", s.ca.Directory)
	s.set("EVERLEAF_ACME_CA_BUNDLE", s.ca.CABundle)
}

// obtain has the worker issue a certificate for one name.
func (s *stack) obtain(ctx context.Context, keeper *caller.Client, name string) error {
	got, err := keeper.Ensure(ctx, s.name+"-"+name, domain.Spec{Names: []string{name + ".example.test"}})
	if err == nil && got.Issued == nil {
		err = fmt.Errorf("%s: %+v", name, got)
	}
	return err
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
		AND query NOT ILIKE '%pg_stat_statements%' AND query NOT LIKE '%FROM versions WHERE certificate = $1'
		AND query NOT LIKE '%INTO processes%'`).Scan(&n))
	return n
}

// report logs a table of columns that are parted by tabs, under what it shows.
func report(b *testing.B, shows string, rows ...string) {
	b.Helper()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, row+"\t")
	}
	require.NoError(b, w.Flush())
	b.Log("") // each line by itself: `make bench` takes the place in the code away
	for line := range strings.Lines(shows + "\n" + text.String()) {
		b.Log(strings.TrimRight(line, " \n"))
	}
}

// inFlight runs n jobs, at most limit at once, and returns the first error.
func inFlight(n, limit int, job func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(limit)
	for i := range n {
		group.Go(func() error { return job(i) })
	}
	return group.Wait()
}
