package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/caller"
)

// contenderJob and raced are what cmd/devstack/contenders reads and answers.
type contenderJob struct {
	Directory, CABundle, Listen string
	Count, InFlight             int
	Dir                         string
}

type raced struct{ Took, CPU time.Duration }

// buildContenders builds the other clients, which are in a module of their own.
func buildContenders(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "contenders")
	out, err := exec.Command("go", "-C", "../../devstack", "build", "-o", path, "./contenders").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// contend has another client do the job, in a process of its own.
func contend(t testing.TB, program, client string, job contenderJob) (result raced) {
	t.Helper()
	job.Dir = t.TempDir()
	input, err := json.Marshal(job)
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, client)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = bytes.NewReader(input), &stdout, &stderr, dieWithParent()
	require.NoError(t, runLocked(cmd), "%s: %s", client, &stderr)
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result), "%s: %s", client, &stdout)
	return result
}

// The contenders obtain what they are asked for, each name by a validation of its own, and say what it took.
func TestContenders(t *testing.T) {
	t.Parallel()
	program := buildContenders(t)
	ca := acmetest.Start(t, acmetest.Options{Env: []string{neverReuse, steady}})
	proxy := newCAProxy(t, ca.Directory, ca.CABundle, http2)
	listen := fmt.Sprintf("127.0.0.1:%d", ca.HTTPPort)
	for i, client := range []string{"certmagic", "bare"} {
		got := contend(t, program, client, contenderJob{Directory: proxy.Directory, CABundle: proxy.CABundle,
			Listen: listen, Count: 2, InFlight: 2})
		require.Equal(t, 3*(i+1), proxy.count(pathCert), "two, and one to warm up: %s", client)
		require.Equal(t, 3*(i+1), proxy.count(pathChallenge), client)
		require.Positive(t, got.CPU, client)
		require.Greater(t, got.Took, got.CPU/4, client)
	}
}

// BenchmarkThroughput prints how many certificates Everleaf, CertMagic and a bare ACME client obtain a second, and what
// processor time their processes use for each: one after the other in each round, at the same CA and with everything
// on this machine. What they are to show is ratios.
func BenchmarkThroughput(b *testing.B) {
	const count, most, rounds = 320, 64, 3
	s := newStackWith(b, ninetyDays, neverReuse)
	program := buildContenders(b)
	proxy := newCAProxy(b, s.ca.Directory, s.ca.CABundle, http2)
	s.set("EVERLEAF_ACME_DIRECTORY", proxy.Directory)
	s.set("EVERLEAF_ACME_CA_BUNDLE", proxy.CABundle)
	job := contenderJob{Directory: proxy.Directory, CABundle: proxy.CABundle, Listen: s.http01, Count: count,
		InFlight: most}
	clients := []struct {
		name string
		race func(round int) raced
	}{
		{"everleaf", func(round int) raced { return s.race(b, round, count, most) }},
		{"certmagic", func(int) raced { return contend(b, program, "certmagic", job) }},
		{"bare client", func(int) raced { return contend(b, program, "bare", job) }},
	}
	results := make([][]raced, len(clients))
	for round := range rounds {
		for turn := range clients {
			who := (round + turn) % len(clients)
			results[who] = append(results[who], clients[who].race(round))
		}
	}
	rate := func(r raced) float64 { return count / r.Took.Seconds() }
	cpu := func(r raced) float64 { return r.CPU.Seconds() * 1000 / count }
	rows := []string{"\tissued/s\tin each round\tCPU ms\tin each round\tthroughput, Everleaf's share\tCPU, Everleaf's share"}
	for i, client := range clients {
		rows = append(rows, fmt.Sprintf("%s\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f", client.name,
			middle(results[i], rate), each(results[i], rate), middle(results[i], cpu), each(results[i], cpu),
			middle(results[0], rate)/middle(results[i], rate), middle(results[0], cpu)/middle(results[i], cpu)))
	}
	b.ReportMetric(0, "ns/op")
	report(b, fmt.Sprintf("What each client issues a second with %d in flight, and its process's CPU for each of %d certificates: the middle one of %d rounds.\n"+
		"CertMagic's rate limiter is off; the CA is Pebble, its new orders one at a time.", most, count, rounds),
		rows...)
}

// race has a worker of its own obtain the certificates: others need its address when it is done.
func (s *stack) race(b *testing.B, round, count, most int) raced {
	b.Helper()
	w := s.worker()
	defer w.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	require.NoError(b, s.obtain(ctx, keeper, fmt.Sprintf("warm-%d", round)))
	started, before := time.Now(), cpuOf(b, w.cmd.Process.Pid)
	require.NoError(b, inFlight(count, most, func(i int) error {
		return s.obtain(ctx, keeper,
			fmt.Sprintf("raced-%d-%d", round, i))
	}))
	return raced{Took: time.Since(started), CPU: cpuOf(b, w.cmd.Process.Pid) - before}
}

// each is a number of each round, middle the one in the middle.
func each(results []raced, number func(raced) float64) (numbers []float64) {
	for _, r := range results {
		numbers = append(numbers, number(r))
	}
	return numbers
}

func middle(results []raced, number func(raced) float64) float64 {
	numbers := each(results, number)
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}
