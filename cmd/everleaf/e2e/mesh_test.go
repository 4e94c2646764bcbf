package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// recovered bounds how long after a trouble everything must be well again; what it took is logged.
const recovered = 90 * time.Second

// trouble is what a mesh does to a worker that is at work.
type trouble struct {
	name  string
	begin func(links)
	// lasts is how long; zero is until all is issued in spite of it.
	lasts time.Duration
}

func cutOff(l *link)    { l.set(linkCut) }
func blackHole(l *link) { l.set(linkBlackhole) }
func mended(l *link)    { l.set(linkOpen); l.slow(0) }
func slowByTwo(l *link) { l.slow(2 * time.Second) }
func resetOnce(l *link) { l.reset() }

// The worker reaches Temporal and Postgres only through links, which are spoiled while one certificate is being issued,
// one is asked for and one, asleep, falls due. It gets over it by itself: nothing fails for good, and no order is
// placed twice.
func TestMesh(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, trouble := range []trouble{
		{"both cut for 10 s", func(l links) { l.each(cutOff) }, 10 * time.Second},
		{"2 s latency", func(l links) { l.each(slowByTwo) }, 0},
		{"reset mid-poll", func(l links) { l.each(resetOnce) }, 0},
		{"Temporal out of reach for 60 s", func(l links) { cutOff(l.temporal) }, time.Minute},
		{"Postgres out of reach for 60 s", func(l links) { cutOff(l.postgres) }, time.Minute},
		{"both blackholed for 30 s", func(l links) { l.each(blackHole) }, 30 * time.Second},
	} {
		// Not t.Parallel: that is as many at once as there are processors, and these only wait.
		all.Go(func() {
			t.Run(trouble.name, func(t *testing.T) { newStackWith(t, brief, neverReuse).goThrough(trouble) })
		})
	}
	all.Wait()
}

func (s *stack) goThrough(trouble trouble) {
	t := s.t
	worker, l := s.behindLinks()
	asleep, atWork, asked := s.name+"-asleep", s.name+"-at-work", s.name+"-asked"
	ensure := func(name string) chan result {
		done := make(chan result, 1)
		go func() {
			done <- s.cli("cert", "ensure", name, "--name", name+".example.test", "--timeout", "170s", "--output", "json")
		}()
		return done
	}
	s.must("cert", "ensure", asleep, "--name", asleep+".example.test")
	h := newHold()
	s.proxy.on(&rule{path: pathChallenge, left: 1, after: h})
	atWorkDone := ensure(atWork)
	s.reached(h)

	began := time.Now()
	trouble.begin(l)
	askedDone := ensure(asked)
	s.proxy.freeAll() // what was held is dropped: the CA stumbles as well
	time.Sleep(trouble.lasts)
	over := time.Now()
	if trouble.lasts > 0 {
		l.each(mended)
	} else {
		over = began
	}
	polled := s.answersAgain(asleep, over)
	issued := s.issuedAgain(over, "")
	for _, done := range []chan result{atWorkDone, askedDone} {
		r := <-done
		t.Logf("ensure %d %s", r.code, r.stderr)
	}
	all := time.Duration(0)
	for _, name := range []string{asleep, atWork, asked} {
		all = max(all, s.issuedAgain(over, name))
	}
	l.each(mended)
	select {
	case <-worker.done:
		t.Fatalf("the worker ended: %s", s.log)
	default:
	}
	worker.stop()
	t.Logf("%-32s poll answered after %5.1f s, next certificate after %5.1f s, all three after %5.1f s", trouble.name,
		polled.Seconds(), issued.Seconds(), all.Seconds())
	require.Less(t, all, recovered)

	require.Equal(t, strings.Count(s.ca.Log(), "Added order"), s.scalar(`SELECT count(*) FROM orders`), "orders at the CA and in Postgres")
	require.Equal(t, s.scalar(`SELECT count(*) FROM orders WHERE state = 'issued'`), s.scalar(`SELECT count(*) FROM versions`))
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM orders WHERE state = 'abandoned'`))
	rows, _ := s.pool.Query(context.Background(), `SELECT certificate || ' ' || type || ' ' || at::text || ' ' || detail::text FROM events WHERE type = 'failed' ORDER BY at`)
	for rows.Next() {
		var x string
		_ = rows.Scan(&x)
		t.Log(x)
	}
}

// answersAgain is how long after the instant a worker answered a question that only a poll can bring it.
func (s *stack) answersAgain(name string, since time.Time) time.Duration {
	s.t.Helper()
	s.eventually("an answered poll", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		_, err := s.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
			WorkflowID: ports.WorkflowID(name), QueryType: ports.StatusQuery,
		})
		return err == nil
	})
	return time.Since(since)
}

// issuedAgain waits for the first certificate after the instant, of this name or of any, and says how long it took.
func (s *stack) issuedAgain(since time.Time, name string) (took time.Duration) {
	s.t.Helper()
	s.eventually("the next certificate of "+name, func() bool {
		var at *time.Time
		require.NoError(s.t, s.pool.QueryRow(context.Background(), `SELECT min(created_at) FROM versions
			WHERE created_at > $1 AND certificate LIKE '%' || $2`, since, name).Scan(&at))
		if at == nil {
			return false
		}
		took = at.Sub(since)
		return true
	})
	return took
}
