package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/acme/acmetest"
	"everleaf/ports"
)

// trouble is what a mesh does to a worker that is at work.
type trouble struct {
	name  string
	begin func(links)
	// lasts is how long; zero is until all is issued in spite of it.
	lasts time.Duration
	// slow says that the way is long but open: then no step may run out of time.
	slow bool
}

func cutOff(l *link)    { l.set(linkCut) }
func blackHole(l *link) { l.set(linkBlackhole) }
func restored(l *link)  { l.set(linkOpen); l.slow(0) }
func forget(l *link)    { blackHole(l); restored(l) }

// distant is a long way. A short step goes it eight times when nothing is prepared, and has 5 s for that.
func distant(l links) {
	l.temporal.slow(2 * time.Second)
	l.postgres.slow(500 * time.Millisecond)
}

var troubles = []trouble{
	{name: "both cut for 10 s", begin: func(l links) { l.each(cutOff) }, lasts: 10 * time.Second},
	{name: "Temporal out of reach for 60 s", begin: func(l links) { cutOff(l.temporal) }, lasts: time.Minute},
	{name: "Postgres out of reach for 60 s", begin: func(l links) { cutOff(l.postgres) }, lasts: time.Minute},
	{name: "Postgres blackholed for 20 s", begin: func(l links) { blackHole(l.postgres) }, lasts: 20 * time.Second},
	{name: "both blackholed for 30 s", begin: func(l links) { l.each(blackHole) }, lasts: 30 * time.Second},
	{name: "connections dead, new ones welcome", begin: func(l links) { l.each(forget) }},
	{name: "reset mid-poll", begin: func(l links) { l.each((*link).reset) }},
	{name: "2 s latency to Temporal, 0.5 s to Postgres", begin: distant, slow: true},
}

// short certificates outlive each trouble, and are renewed after 30 s when the CA asks for that.
var short = acmetest.Profile{Description: "three minutes", ValidityPeriod: 180}

// The worker reaches Temporal and Postgres only through links, which are spoiled while one certificate is being issued,
// one is asked for and one, asleep, falls due. It gets over it by itself: nothing fails for good, and no order is
// placed twice. What that took is logged, and bounded so generously that only a hang exceeds it.
func TestMesh(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, trouble := range troubles {
		// Not t.Parallel: that is as many at once as there are processors, and these do little but wait.
		all.Go(func() {
			t.Run(trouble.name, func(t *testing.T) {
				newStackOn(t, acmetest.Options{
					Profiles: map[string]acmetest.Profile{"default": ninetyDays, "short": short},
					Env:      []string{neverReuse, steady},
				}).goThrough(trouble)
			})
		})
	}
	all.Wait()
}

func (s *stack) goThrough(trouble trouble) {
	s.set("EVERLEAF_ACME_TIMEOUT", "90s") // the held answer of the CA is to be waited for until the trouble begins
	worker, l := s.behindLinks()
	asleep, atWork, asked := s.name+"-asleep", s.name+"-at-work", s.name+"-asked"
	s.renewsSoon(-1)
	s.must("cert", "ensure", asleep, "--name", asleep+".example.test", "--profile", "short")
	h := newHold()
	s.proxy.on(&rule{path: pathChallenge, left: 1, after: h})
	atWorkDone := s.ensuring(atWork)
	s.reached(h)
	// A CA that looked during the trouble would find the responder without its store, and fail the challenge for good.
	s.eventually("the CA's validation", func() bool {
		return strings.Count(s.ca.Log(),
			"set VALID by completed challenge") == 2
	})
	s.eventually("the certificate that sleeps to be due soon", func() bool {
		return s.scalar(`SELECT count(*) FROM everleaf_certificates WHERE name = $1 AND state = 'Ready'
			AND next_renewal BETWEEN now() + interval '2 seconds' AND now() + interval '8 seconds'`, asleep) == 1
	})

	began := time.Now()
	over := began // where the trouble only begins
	trouble.begin(l)
	askedDone := s.ensuring(asked)
	s.proxy.freeAll() // what was held is dropped: the CA stumbles as well
	if trouble.lasts > 0 {
		time.Sleep(trouble.lasts)
		over = time.Now()
		l.each(restored)
	}
	polled := s.answersAgain(asleep, over)
	next := s.issuedAgain("%", over).Sub(over)
	for _, done := range []chan result{atWorkDone, askedDone} {
		// A caller gets an error when Postgres is away for so long that the next try is a minute off.
		r := <-done
		require.True(s.t, r.code == 0 || strings.Contains(r.stderr, "Wait/DatabaseUnavailable"), "%s%s", r.stderr,
			s.log)
	}
	well := max(s.issuedAgain(asleep, over).Sub(over), s.issuedAgain(atWork, began).Sub(over),
		s.issuedAgain(asked, began).Sub(over))
	l.each(restored)
	s.t.Logf("%-42s  poll answered %5.1f s   next certificate %5.1f s   all three well %5.1f s", trouble.name,
		polled.Seconds(), next.Seconds(), well.Seconds())

	for _, name := range []string{asleep, atWork, asked} {
		s.eventually(name+" to be well", func() bool {
			got := status(s.t, s.must("cert", "status", name, "--output", "json"))
			return got.Issued != nil && got.Failure == nil
		})
		if trouble.slow {
			require.Empty(s.t, s.ranOutOfTime(name), "steps")
		}
	}
	worker.stop() // the one process that went through it all
	placed, known := strings.Count(s.ca.Log(), "Added order"), s.scalar(`SELECT count(*) FROM orders`)
	require.Equal(s.t, known, placed, "orders in Postgres and at the CA; log:\n%s", s.log)
	var abandoned []string
	require.NoError(s.t, s.pool.QueryRow(context.Background(),
		`SELECT array_agg(detail::text) FROM events WHERE type = 'abandoned'`).Scan(&abandoned))
	require.Empty(s.t, abandoned)
	require.Equal(s.t, strings.Count(s.ca.Log(), "Issued certificate serial"),
		s.scalar(`SELECT count(*) FROM versions`))
}

// ensuring asks for a certificate and waits for it in the background.
func (s *stack) ensuring(name string) chan result {
	done := make(chan result, 1)
	go func() {
		done <- s.cli("cert", "ensure", name, "--name", name+".example.test", "--timeout", "170s", "--output", "json")
	}()
	return done
}

// ranOutOfTime are the steps of a certificate that the server or the worker gave up waiting for, without the short ones
// that went on as activities.
func (s *stack) ranOutOfTime(name string) (steps []string) {
	s.t.Helper()
	for _, run := range s.runs(name) {
		for _, event := range run.Events {
			started := event.GetActivityTaskStartedEventAttributes().GetLastFailure()
			if timedOut := event.GetActivityTaskTimedOutEventAttributes(); timedOut != nil ||
				started.GetTimeoutFailureInfo() != nil {
				steps = append(steps, event.String())
			}
			failure := event.GetMarkerRecordedEventAttributes().GetFailure()
			goesOn := failure.GetTimeoutFailureInfo() != nil || strings.Contains(failure.GetMessage(), "did not finish in time")
			if failure != nil && !goesOn {
				steps = append(steps, failure.String())
			}
		}
	}
	return steps
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

// issuedAgain waits for the first certificate after the instant, of a name like this, and says when it came.
func (s *stack) issuedAgain(name string, since time.Time) (at time.Time) {
	s.t.Helper()
	s.eventually("the next certificate of "+name, func() bool {
		var found *time.Time
		require.NoError(s.t, s.pool.QueryRow(context.Background(), `SELECT min(created_at) FROM versions
			WHERE created_at > $1 AND certificate LIKE $2`, since, name).Scan(&found))
		if found == nil {
			return false
		}
		at = *found
		return true
	})
	return at
}
