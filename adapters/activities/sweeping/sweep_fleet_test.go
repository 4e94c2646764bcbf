package sweeping_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"everleaf/ports"
)

// A CA pulls 3 % of 10,000 windows into the past: exactly those are woken, once.
func TestSweepHandlesAnIncident(t *testing.T) {
	t.Parallel()
	const size = 10_000
	f := newFleet(t, "main")
	f.issue("main", 1, size)
	hit := func(serial int) bool { return serial%100 < 3 }
	usual := *f.usual()
	const why = "https://ca.example/incident"
	// As Boulder does, the window of the incident moves with the clock.
	f.cas["main"].answers(func(serial int) answer {
		if hit(serial) {
			return window(f.Now().Add(-time.Hour), f.Now().Add(-30*time.Minute), why, "21600")
		}
		return window(usual.Start, usual.End, "", "86400")
	})
	began := time.Now()
	found, steps := f.sweep()
	took := time.Since(began)
	t.Logf("%d certificates in %s, %.0f a second, in %d steps", size, took.Round(time.Millisecond),
		size/took.Seconds(), steps)
	require.Equal(t, []int{size, 0, size * 3 / 100}, []int{found.Asked, found.Failed, found.Moved})
	require.LessOrEqual(t, steps+3, size/500,
		"billable actions of a sweep: its steps, and three for the schedule's start")
	woken := map[string]bool{}
	for _, certificate := range f.notified {
		require.False(t, woken[certificate], "notified twice: %s", certificate)
		woken[certificate] = true
	}
	for serial := 1; serial <= size; serial++ {
		require.Equal(t, hit(serial), woken[name(serial)], name(serial))
	}
	require.Equal(t, "ARIWindowPassed", f.stored(1).plan.Reason)
	require.Contains(t, f.stored(1).plan.Message, why)
	require.Zero(t, f.count(`SELECT count(*) FROM versions WHERE moved`), "all were notified")
	require.Equal(t, size*3/100, f.count(`SELECT count(*) FROM versions WHERE renewal #>> '{window,explanationURL}' = $1 AND renew_at = $2`, why, f.now))
	require.Equal(t, size*97/100, f.count(`SELECT count(*) FROM versions WHERE next_check = $1`,
		f.now.Add(24*time.Hour)))
	require.Equal(t, size*3/100, f.count(`SELECT count(*) FROM events WHERE type = 'renewal_moved' AND (detail ->> 'from')::timestamptz > $1
		AND (detail #>> '{plan,at}')::timestamptz = $1 AND detail #>> '{plan,window,explanationURL}' = $2`, f.now, why))
	require.NotContains(t, f.logged.String(), "WARN", "an incident is no alarm")

	// Nothing is due before the CA said so, and what is due then is not woken again.
	found, steps = f.sweep()
	require.Zero(t, found.Asked)
	require.Equal(t, 1, steps, "an idle sweep")
	f.pass(6 * time.Hour)
	found, _ = f.sweep()
	require.Equal(t, []int{size * 3 / 100, 0, 0}, []int{found.Asked, found.Failed, found.Moved})
	require.Empty(t, f.notified)
	require.Equal(t, size*3/100, f.count(`SELECT count(*) FROM events`))
}

// When the CA is asked next, for each answer (RFC 9773 §4.3).
func TestSweepAsksAgainAsTheCASays(t *testing.T) {
	t.Parallel()
	const m, h = time.Minute, time.Hour
	f := newFleet(t, "main")
	usual := *f.usual()
	answers := []struct {
		answer
		look    time.Duration
		failure string
	}{
		{window(usual.Start, usual.End, "", "1"), m, ""},
		{window(usual.Start, usual.End, "", "2592000"), 24 * h, ""},
		{window(usual.Start, usual.End, "", "25200"), 7 * h, ""},
		{window(usual.Start, usual.End, "", ""), 6 * h, ""},
		{window(usual.End, usual.Start, "", "60"), 6 * h, "no window that can be used"},
		{window(usual.Start, usual.Start, "", ""), 6 * h, "no window that can be used"},
		{answer{status: http.StatusServiceUnavailable}, m, "503"},
		{answer{http.StatusServiceUnavailable, "", "300"}, 5 * m, "503"},
		{answer{http.StatusNotFound, `{"type":"urn:ietf:params:acme:error:malformed","detail":"no such certificate"}`,
			""}, 6 * h, "no such certificate"},
	}
	f.issue("main", 1, len(answers))
	planned := make([]stored, len(answers)+1)
	for serial := 1; serial <= len(answers); serial++ {
		planned[serial] = f.stored(serial)
	}
	f.cas["main"].answers(func(serial int) answer {
		return answers[serial-1].answer
	})
	found, _ := f.sweep()
	require.Equal(t, []int{len(answers), 5, 0}, []int{found.Asked, found.Failed, found.Moved})
	for serial := 1; serial <= len(answers); serial++ {
		got, want := f.stored(serial), answers[serial-1]
		require.Equal(t, want.look, got.look, "%d: %+v", serial, want)
		require.Equal(t, planned[serial].plan, got.plan, "%d: whatever the CA failed to say, the plan stays", serial)
		require.Contains(t, got.failure, want.failure)
		require.Equal(t, want.failure == "", got.failure == "", got.failure)
	}
	require.Zero(t, f.count(`SELECT count(*) FROM events`))
}

// Temporary errors: twice as long each time, a few times, and then six hours (RFC 9773 §4.3.3). An answer ends the
// count.
func TestSweepBacksOff(t *testing.T) {
	t.Parallel()
	const m, h = time.Minute, time.Hour
	f := newFleet(t, "main")
	f.issue("main", 1, 1)
	usual := *f.usual()
	down := func(int) answer { return answer{status: http.StatusBadGateway} }
	for i, look := range []time.Duration{m, 2 * m, 4 * m, 8 * m, 6 * h, 6 * h} {
		f.cas["main"].answers(down)
		found, _ := f.sweep()
		require.Equal(t, 1, found.Failed)
		require.Equal(t, look, f.stored(1).look)
		require.Equal(t, i+1, f.stored(1).failures)
		f.pass(look)
	}
	f.cas["main"].answers(func(int) answer {
		return window(usual.Start, usual.End, "", "60")
	})
	f.sweep()
	require.Equal(t, 0, f.stored(1).failures)
	require.Empty(t, f.stored(1).failure)
	require.Equal(t, m, f.stored(1).look)
}

// A window may move earlier, later and back; the certificate's own fraction stays, and so does its place in the window.
func TestSweepFollowsAWindowBothWays(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	f := newFleet(t, "main")
	f.issue("main", 1, 4)
	first := f.stored(3).plan
	usual := *f.usual()
	for _, by := range []time.Duration{-20 * day, 5 * day, 0} {
		f.cas["main"].answers(func(serial int) answer {
			shift := time.Duration(0)
			if serial == 3 {
				shift = by
			}
			return window(usual.Start.Add(shift), usual.End.Add(shift), "", "60")
		})
		found, _ := f.sweep()
		require.Equal(t, 1, found.Moved)
		require.Equal(t, []string{name(3)}, f.notified)
		require.Equal(t, first.At.Add(by), f.stored(3).plan.At, "%s", by)
		require.Equal(t, first.Fraction, f.stored(3).plan.Fraction)
		f.pass(time.Minute)
	}
	require.Equal(t, 3, f.count(`SELECT count(*) FROM events WHERE certificate = $1`, name(3)))
}

// A CA that is down, slow to say so, or unknown holds up nobody else's certificates; its own stay due.
func TestSweepLeavesASilentCAAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "down", "main")
	f.issue("down", 1, 600)
	f.issue("main", 601, 1200)
	f.issue("gone", 1201, 1203)
	usual := *f.usual()
	f.cas["down"].answers(func(int) answer { return answer{status: http.StatusServiceUnavailable} })
	f.cas["main"].answers(func(int) answer {
		return window(usual.Start.Add(-time.Hour), usual.End, "", "3600")
	})
	f.unkept[name(700)] = true
	found, _ := f.sweep()
	require.Equal(t, 600, found.Moved)
	require.Len(t, f.notified, 599, "a certificate without a workflow stops nobody")
	require.Equal(t, 600, f.cas["main"].total())
	require.Equal(t, time.Hour, f.stored(700).look)
	asked := f.cas["down"].total()
	require.GreaterOrEqual(t, asked, 10)
	require.Less(t, asked, 10+16, "no more than were under way")
	require.Equal(t, 600-asked, f.count(`SELECT count(*) FROM versions WHERE issuer = 'down' AND next_check = $1`,
		f.now), "due at the next sweep")
	require.Contains(t, f.stored(1202).failure, "gone")
	require.Equal(t, 6*time.Hour, f.stored(1202).look)
	require.Contains(t, f.logged.String(), "the CA gives no renewal windows")
	require.Contains(t, f.logged.String(), "the certificate has no running workflow")
}

// What has been replaced, revoked, given up, or has run out, is not asked about any more (RFC 9773 §4.3).
func TestSweepPassesOverWhatIsOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "main")
	f.issue("main", 1, 5)
	for _, change := range []string{
		`UPDATE certificates SET released_at = now() WHERE name = 'c00001'`,
		`UPDATE versions SET revoked_at = now() WHERE certificate = 'c00002'`,
		`UPDATE versions SET not_after = next_check WHERE certificate = 'c00003'`,
		`UPDATE certificates SET current_version = NULL WHERE name = 'c00004'`,
	} {
		_, err := f.pool.Exec(t.Context(), change)
		require.NoError(t, err)
	}
	usual := *f.usual()
	f.cas["main"].answers(func(int) answer {
		return window(usual.Start, usual.End, "", "3600")
	})
	found, _ := f.sweep()
	require.Equal(t, 1, found.Asked)
	require.Equal(t, map[int]int{5: 1}, f.cas["main"].asked)
	require.Equal(t, 2, f.count(`SELECT count(*) FROM versions WHERE next_check IS NOT NULL`),
		"what was given up may be taken up again")
}

// A sweep that is cut short goes on where it was: who was asked is not asked again.
func TestSweepGoesOnAfterACut(t *testing.T) {
	t.Parallel()
	const size = 200
	f := newFleet(t, "main")
	f.issue("main", 1, size)
	usual := *f.usual()
	ctx, cut := context.WithCancel(t.Context())
	var asked atomic.Int64
	f.cas["main"].answers(func(int) answer {
		if asked.Add(1) == size/2 {
			cut()
		}
		return window(usual.Start.Add(time.Hour), usual.End, "", "3600")
	})
	f.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	_, err := f.env.ExecuteActivity(ports.SweepRenewals.Name, ports.SweepRenewalsInput{})
	require.Error(t, err)
	before := f.count(`SELECT count(*) FROM versions WHERE next_check > $1`, f.now)
	require.Positive(t, before)
	require.Less(t, before, size)

	f.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: t.Context()})
	found, _ := f.sweep()
	// What the cut step had sent to Postgres may be committed after that count.
	require.Positive(t, found.Asked)
	require.LessOrEqual(t, found.Asked, size-before)
	notified := f.notified
	f.sweep() // a plan that was committed after that sweep has looked is notified of by the next
	notified = append(notified, f.notified...)
	require.Len(t, notified, f.count(`SELECT count(*) FROM events WHERE type = 'renewal_moved'`),
		"also those that the cut step has stored")
	require.Equal(t, size, f.count(`SELECT count(*) FROM events WHERE type = 'renewal_moved'`),
		"each moved once in Postgres")
}

// A plan that could not be stored when its workflow made it is made again and stored; and a workflow that cannot be
// notified stops nobody.
func TestSweepPlansWhatWasNeverStored(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "main")
	f.issue("main", 1, 3)
	_, err := f.pool.Exec(t.Context(), `UPDATE versions SET renewal = NULL, renew_at = NULL, created_at = now() - interval '1 hour' WHERE certificate = 'c00001'`)
	require.NoError(t, err)
	_, err = f.pool.Exec(t.Context(), `UPDATE versions SET renewal = NULL, renew_at = NULL, created_at = now() WHERE certificate = 'c00002'`)
	require.NoError(t, err)
	usual := *f.usual()
	f.cas["main"].answers(func(int) answer { return window(usual.Start, usual.End, "", "3600") })
	f.refusing[name(3)] = true
	found, _ := f.sweep()
	require.Equal(t, 2, found.Asked, "one was issued just now: its own step plans it")
	require.Equal(t, []string{name(1)}, f.notified)
	require.Equal(t, "ARIWindow", f.stored(1).plan.Reason)

	f.pass(2 * time.Hour)
	f.cas["main"].answers(func(int) answer {
		return window(usual.Start.Add(-time.Hour), usual.End.Add(-time.Hour), "",
			"3600")
	})
	found, _ = f.sweep()
	require.Equal(t, 2, found.Moved)
	require.Equal(t, time.Hour, f.stored(3).look, "its plan is stored")
	require.Equal(t, 1, f.count(`SELECT count(*) FROM versions WHERE moved`), "the next sweep notifies it again")
	f.refusing[name(3)] = false
	found, steps := f.sweep()
	require.Zero(t, found.Asked)
	require.Equal(t, 2, steps)
	require.Equal(t, []string{name(3)}, f.notified)
	require.Contains(t, f.logged.String(), "the workflow cannot be notified")
}
