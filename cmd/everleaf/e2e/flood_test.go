package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/caller"
)

const (
	// floodRate is how many unknown tokens a second are asked for, and floodIdle how many connections stay open
	// without a request.
	floodRate, floodIdle = 2000, 1000
	challengePath        = "/.well-known/acme-challenge/"
)

// BenchmarkFlood prints what a flood of unknown tokens and of idle connections leaves: how long the answer to a known
// token takes, each a new one, and how many certificates are issued a second. The flood itself costs these cores as
// well: so it is also sent to a listener that answers nothing but 404.
func BenchmarkFlood(b *testing.B) {
	const count, most = 200, 32
	s := newStackWith(b, ninetyDays, neverReuse)
	s.direct()
	s.worker()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	require.NoError(b, s.obtain(ctx, keeper, "warm"))
	_, err := s.pool.Exec(ctx, `INSERT INTO http_tokens (token, key_authorization) SELECT 'known-' || n, 'known-' || n || '.k'
		FROM generate_series(1, 100000) n`)
	require.NoError(b, err)
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()

	var asked atomic.Int32
	measure := func(name, at string) (rate float64, p99 time.Duration, flooded float64) {
		stop := func() float64 { return 0 }
		if at != "" {
			stop = flood(b, at)
		}
		probing, stopProbes := context.WithCancel(ctx)
		var took []time.Duration
		wrong := ""
		var probes sync.WaitGroup
		probes.Go(func() {
			for probing.Err() == nil {
				token := fmt.Sprint("known-", asked.Add(1))
				began := time.Now()
				body := ask(probing, s.http01, token)
				switch {
				case probing.Err() != nil:
				case body != token+".k":
					wrong = token + ": " + body
				default:
					took = append(took, time.Since(began))
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		started := time.Now()
		require.NoError(b, inFlight(count, most, func(i int) error {
			return s.obtain(ctx, keeper, fmt.Sprintf("%s-%d", name, i))
		}))
		rate = count / time.Since(started).Seconds()
		stopProbes()
		probes.Wait()
		require.Empty(b, wrong)
		slices.Sort(took)
		return rate, took[len(took)*99/100], stop()
	}
	rows := []string{"flood\tof tokens a second\tissued/s\tof the rate without\tof the rate beside\tanswer ms (p99)"}
	none, quiet, _ := measure("none", "")
	beside, besideP99, sentBeside := measure("beside", elsewhere.Listener.Addr().String())
	under, underP99, sent := measure("under", s.http01)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	rows = append(rows, fmt.Sprintf("none\t\t%.1f\t\t\t%.1f", none, ms(quiet)),
		fmt.Sprintf("to another listener\t%.0f\t%.1f\t%.2f\t\t%.1f", sentBeside, beside, beside/none, ms(besideP99)),
		fmt.Sprintf("to the responder\t%.0f\t%.1f\t%.2f\t%.2f\t%.1f", sent, under, under/none, under/beside, ms(underP99)))
	b.ReportMetric(0, "ns/op")
	report(b, fmt.Sprintf("What a flood of %d unknown tokens a second and of %d idle connections leaves, for %d certificates with %d in flight, in\n"+
		"one process with all roles; everything is on this machine.", floodRate, floodIdle, count, most), rows...)
}

// flood asks for unknown tokens and holds idle connections, until the function that it returns is called, which returns
// how many were answered a second.
func flood(b *testing.B, at string) (stop func() float64) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var answered atomic.Int64
	began := time.Now()
	for range floodIdle {
		all.Go(func() {
			for ctx.Err() == nil {
				conn, err := net.Dial("tcp", at)
				if err != nil {
					time.Sleep(100 * time.Millisecond)
					continue
				}
				_ = conn.SetReadDeadline(time.Now().Add(4 * time.Second))
				end := context.AfterFunc(ctx, func() { _ = conn.Close() })
				_, _ = io.Copy(io.Discard, conn)
				end()
				_ = conn.Close()
			}
		})
	}
	turns := make(chan struct{}, floodRate)
	for range 64 {
		all.Go(func() {
			for range turns {
				if ask(ctx, at, rand.Text()) != "" {
					answered.Add(1)
				}
			}
		})
	}
	all.Go(func() {
		defer close(turns)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			for range floodRate / 100 {
				select {
				case turns <- struct{}{}:
				default: // it does not come through: the rate says so
				}
			}
		}
	})
	time.Sleep(time.Second) // all of it is there
	return func() float64 {
		rate := float64(answered.Load()) / time.Since(began).Seconds()
		cancel()
		all.Wait()
		return rate
	}
}

// ask asks for a token over a connection of its own, as a CA does, and returns the body; empty if there is none.
func ask(ctx context.Context, at, token string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+challengePath+token, nil)
	if err != nil {
		return ""
	}
	response, err := oneRequest.RoundTrip(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// oneRequest keeps no connection.
var oneRequest = &http.Transport{DisableKeepAlives: true}
