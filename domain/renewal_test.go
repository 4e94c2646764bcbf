package domain_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

const day = 24 * time.Hour

func valid(from time.Time, life time.Duration) domain.Issued {
	return domain.Issued{NotBefore: from, NotAfter: from.Add(life)}
}

func window(from time.Time, start, end time.Duration) *domain.Window {
	return &domain.Window{Start: from.Add(start), End: from.Add(end)}
}

func TestPlanRenewal(t *testing.T) {
	const h, m, s = time.Hour, time.Minute, time.Second
	// Pebble's window: 24 h around two thirds, and since 2.10 cut to the validity, which leaves all of a short life.
	pebble := func(life time.Duration) *domain.Window {
		return window(noon, max(life*2/3-day, 0), min(life*2/3+day, life))
	}
	for _, c := range []struct {
		name     string
		life     time.Duration
		now      time.Duration // all instants are counted from NotBefore
		window   *domain.Window
		fraction float64
		want     time.Duration
		reason   string
	}{
		// Without ARI.
		{"a third left", 90 * day, 0, nil, 0, 60 * day, "OneThirdLeft"},
		{"spread by half", 90 * day, 0, nil, 0.5, 60*day - 90*day/100, "OneThirdLeft"},
		{"spread by all", 90 * day, 0, nil, 1, 60*day - 90*day/50, "OneThirdLeft"},
		{"exactly 10 days", 10 * day, 0, nil, 0, (10 * day * 2 / 3).Truncate(s), "OneThirdLeft"},
		{"just under 10 days", 10*day - s, 0, nil, 0, (5*day - s/2).Truncate(s), "HalfLeft"},
		{"LE shortlived", 160 * h, 0, nil, 0, 80 * h, "HalfLeft"},
		{"two minutes", 120 * s, 0, nil, 0, 60 * s, "HalfLeft"},
		{"two minutes, spread", 120 * s, 0, nil, 0.99, 57 * s, "HalfLeft"},
		{"one second before it", 90 * day, 60*day - s, nil, 0, 60 * day, "OneThirdLeft"},
		{"at the instant", 90 * day, 60 * day, nil, 0, 60 * day, "OneThirdLeft"},
		{"past the instant", 90 * day, 61 * day, nil, 0, 61 * day, "OneThirdLeft"},
		// Overdue: the last sixth.
		{"a second to the last sixth", 90 * day, 75*day - s, nil, 0, 75*day - s, "OneThirdLeft"},
		{"at the last sixth", 90 * day, 75 * day, nil, 0, 75 * day, "Overdue"},
		{"expired", 90 * day, 91 * day, nil, 0, 91 * day, "Overdue"},
		{"overdue whatever the window", 90 * day, 80 * day, window(noon, 85*day, 86*day), 0, 80 * day, "Overdue"},
		{"a life of nothing", 0, 0, nil, 0.5, 0, "Overdue"},
		{"a life that ends before it begins", -h, 0, nil, 0.5, 0, "Overdue"},
		{"a life that ends before it begins, soon after its end", -h, -55 * m, nil, 0.5, -55 * m, "Overdue"},
		// With ARI.
		{"window's start", 90 * day, 0, window(noon, 59*day, 61*day), 0, 59 * day, "ARIWindow"},
		{"window's middle", 90 * day, 0, window(noon, 59*day, 61*day), 0.5, 60 * day, "ARIWindow"},
		{"window's end", 90 * day, 0, window(noon, 59*day, 61*day), 1, 61 * day, "ARIWindow"},
		{"the instant drawn is past", 90 * day, 60*day + s, window(noon, 59*day, 61*day), 0.5, 60*day + s, "ARIWindow"},
		{"the window is open", 90 * day, 60*day - s, window(noon, 59*day, 61*day), 0.5, 60 * day, "ARIWindow"},
		{"ends a second from now", 90 * day, 61*day - s, window(noon, 59*day, 61*day), 1, 61 * day, "ARIWindow"},
		{"ends now", 90 * day, 61 * day, window(noon, 59*day, 61*day), 1, 61 * day, "ARIWindowPassed"},
		{"an incident", 90 * day, 10 * day, window(noon, 10*day-h, 10*day-30*m), 0.9, 10 * day, "ARIWindowPassed"},
		{"opens with the certificate", 90 * day, 0, window(noon, 0, 60*day), 0, 30 * day, "ARIWindowClipped"},
		{"opens a second after it", 90 * day, 0, window(noon, s, 60*day), 0, s, "ARIWindow"},
		{"opened a second before it", 90 * day, 0, window(noon, -s, 60*day), 0, 30 * day, "ARIWindowClipped"},
		{"ends at the latest instant", 90 * day, 0, window(noon, 70*day, 75*day), 1, 75 * day, "ARIWindow"},
		{"ends a second after it", 90 * day, 0, window(noon, 70*day, 75*day+s), 1, 75 * day, "ARIWindowClipped"},
		{"opens at the latest instant", 90 * day, 0, window(noon, 75*day, 80*day), 0.5, 75 * day, "ARIWindowClipped"},
		{"opens after expiry", 90 * day, 0, window(noon, 100*day, 101*day), 0.5, 75 * day, "ARIWindowClipped"},
		{"over before it began", 90 * day, 0, window(noon, -2*h, -h), 0.5, 60*day - 90*day/100, "OneThirdLeft"},
		{"over as it began", 90 * day, day, window(noon, -2*h, 0), 0, 60 * day, "OneThirdLeft"},
		{"opened before it, ends soon", 90 * day, 0, window(noon, -h, 2*day), 0.5, 2 * day, "ARIWindowClipped"},
		{"sub-second edges", 90 * day, 0, window(noon, 59*day+s/3, 59*day+2*s+s/3), 0, 59*day + s, "ARIWindow"},
		{"sub-second draw", 90 * day, 0, window(noon, 59*day, 59*day+3*s), 0.5, 59*day + s, "ARIWindow"},
		{"Pebble, two minutes, first", 120 * s, 0, pebble(120 * s), 0, 40 * s, "ARIWindowClipped"},
		{"Pebble, two minutes, middle", 120 * s, 0, pebble(120 * s), 0.5, 70 * s, "ARIWindowClipped"},
		{"Pebble, two minutes, last", 120 * s, 0, pebble(120 * s), 0.9999, 99 * s, "ARIWindowClipped"},
		{"Pebble, 90 days", 90 * day, 0, pebble(90 * day), 0.5, 60 * day, "ARIWindow"},
		// An invalid window is no answer (RFC 9773 §4.2).
		{"ends where it starts", 90 * day, 0, window(noon, 50*day, 50*day), 0, 60 * day, "OneThirdLeft"},
		{"ends before it starts", 90 * day, 0, window(noon, 50*day, 49*day), 0, 60 * day, "OneThirdLeft"},
		{"invalid and past", 90 * day, 50 * day, window(noon, 9*day, 8*day), 0, 60 * day, "OneThirdLeft"},
		// A draw that is none.
		{"below 0", 90 * day, 0, window(noon, 59*day, 61*day), -3, 59 * day, "ARIWindow"},
		{"above 1", 90 * day, 0, window(noon, 59*day, 61*day), 7, 61 * day, "ARIWindow"},
		{"not a number", 90 * day, 0, window(noon, 59*day, 61*day), math.NaN(), 59 * day, "ARIWindow"},
	} {
		got := domain.PlanRenewal(noon.Add(c.now), valid(noon, c.life), c.window, c.fraction)
		require.Equal(t, noon.Add(c.want), got.At, "%s: %s", c.name, got.Message)
		require.Equal(t, c.reason, got.Reason, c.name)
		require.Equal(t, c.window, got.Window, c.name)
		_, err := json.Marshal(got)
		require.NoError(t, err, c.name)
	}
}

func TestRenewalMessages(t *testing.T) {
	issued := valid(noon, 90*day)
	explained := func(start, end time.Duration, url string) *domain.Window {
		w := window(noon, start, end)
		w.ExplanationURL = url
		return w
	}
	for _, c := range []struct {
		now    time.Duration
		window *domain.Window
		want   string
	}{
		{0, nil, "Renew at 2027-01-22T12:00:00Z: a third of its life is left until 2027-02-21T12:00:00Z."},
		{61 * day, nil, "Renew now: a third of its life is left until 2027-02-21T12:00:00Z, which is past."},
		{76 * day, nil, "Renew now: less than a sixth of its life is left until 2027-02-21T12:00:00Z."},
		{0, window(noon, 59*day, 61*day), "Renew at 2027-01-21T12:00:00Z: drawn from the window that the CA suggests, from 2027-01-21T12:00:00Z to 2027-01-23T12:00:00Z."},
		{0, window(noon, 70*day, 80*day), "Renew at 2027-02-01T12:00:00Z: drawn from the window that the CA suggests, from 2027-02-01T12:00:00Z to 2027-02-11T12:00:00Z, cut to what the certificate's life allows, 2027-02-01T12:00:00Z to 2027-02-06T12:00:00Z."},
		{5 * day, explained(day, 2*day, "https://ca.example/incident?id=7"),
			"Renew now: the window that the CA suggests, from 2026-11-24T12:00:00Z to 2026-11-25T12:00:00Z, has passed. The CA explains: https://ca.example/incident?id=7"},
		{5 * day, explained(day, 2*day, "https://ca.example/\n\x1b[31m"),
			"Renew now: the window that the CA suggests, from 2026-11-24T12:00:00Z to 2026-11-25T12:00:00Z, has passed."},
		{5 * day, explained(day, 2*day, "https://ca.example/"+strings.Repeat("a", 481)),
			"Renew now: the window that the CA suggests, from 2026-11-24T12:00:00Z to 2026-11-25T12:00:00Z, has passed. The CA explains: https://ca.example/" + strings.Repeat("a", 481)},
		{5 * day, explained(day, 2*day, "https://ca.example/"+strings.Repeat("a", 482)),
			"Renew now: the window that the CA suggests, from 2026-11-24T12:00:00Z to 2026-11-25T12:00:00Z, has passed."},
		{5 * day, explained(day, 2*day, "javascript:alert(1)"),
			"Renew now: the window that the CA suggests, from 2026-11-24T12:00:00Z to 2026-11-25T12:00:00Z, has passed."},
		{0, window(noon, day, day), "Renew at 2027-01-22T12:00:00Z: a third of its life is left until 2027-02-21T12:00:00Z; the CA's window from 2026-11-24T12:00:00Z to 2026-11-24T12:00:00Z is not valid and is ignored."},
	} {
		plan := domain.PlanRenewal(noon.Add(c.now), issued, c.window, 0)
		require.Equal(t, c.want, plan.Message)
		if plan.Window != nil && plan.Window.ExplanationURL != "" {
			require.Contains(t, c.want, plan.Window.ExplanationURL, "what may not be shown is not kept")
		}
	}
}

func TestWithCooldown(t *testing.T) {
	const h, s = time.Hour, time.Second
	for _, c := range []struct {
		name            string
		life, now, plan time.Duration // all instants are counted from NotBefore
		want            time.Duration
	}{
		{"planned for later", 90 * day, 0, 60 * day, 60 * day},
		{"a second later", 90 * day, 0, s, h},
		{"an hour later", 90 * day, 0, h, h},
		{"due at once", 90 * day, 0, 0, h},
		{"backdated by an hour", 90 * day, h, h, 2 * h},
		{"six hours of life", 6 * h, 0, 0, h},
		{"two minutes of life", 120 * s, 0, 0, 20 * s},
		{"seconds of life", 4 * s, s / 5, s / 5, 2 * s},
		{"came almost expired", 90 * day, 90*day - 10*s, 90*day - 10*s, 90*day - 5*s},
		{"came with its last second", 90 * day, 90*day - s, 90*day - s, 90 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := domain.RenewalPlan{At: noon.Add(c.plan)}.WithCooldown(noon.Add(c.now), valid(noon, c.life))
			require.Equal(t, noon.Add(c.want), got.At)
		})
	}
}

func TestPlanSharesNoWindow(t *testing.T) {
	w := window(noon, 59*day, 61*day)
	plan := domain.PlanRenewal(noon, valid(noon, 90*day), w, 0.5)
	w.Start = noon
	require.Equal(t, noon.Add(59*day), plan.Window.Start)
}

// For any life, window, draw and instant: never before now, never after the last sixth begins unless now is, never
// before the instant would be right, the same again, and once the instant has come the renewal is due.
func TestPlanRenewalHolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) // seeded: a failure can be repeated
	between := func(low, high time.Duration) time.Duration { return low + time.Duration(rng.Int64N(int64(high-low))) }
	for range 50_000 {
		life := between(time.Minute, 400*day)
		if rng.IntN(2) == 0 {
			life = between(time.Minute, time.Hour)
		}
		life = life.Truncate(time.Second) // X.509 counts seconds
		from := noon.Add(between(-time.Hour, time.Hour).Truncate(time.Second))
		issued := valid(from, life)
		now := from.Add(between(-life/10, life*11/10))
		fraction := rng.Float64()
		var w *domain.Window
		if rng.IntN(5) > 0 {
			start := between(-2*life, 2*life)
			w = window(from, start, start+between(-life/10, 2*life))
		}

		plan := domain.PlanRenewal(now, issued, w, fraction)
		latest := issued.NotAfter.Add(-life / 6)
		about := func() []any { return []any{"life %s, now %s, window %v, %f: %+v", life, now, w, fraction, plan} }
		require.Equal(t, plan, domain.PlanRenewal(now, issued, w, fraction), about()...)
		require.False(t, plan.At.Before(now), about()...)
		require.NotEmpty(t, plan.Message, about()...)
		require.Equal(t, plan.Reason == "Overdue", !now.Before(latest.Truncate(time.Second)), about()...)
		if plan.Reason == "Overdue" || plan.Reason == "ARIWindowPassed" {
			require.Equal(t, now, plan.At, about()...)
			continue
		}
		require.False(t, plan.At.After(latest), about()...)
		switch plan.Reason {
		case "ARIWindow": // inside the window to the second
			require.True(t, plan.At.Equal(now) || !plan.At.Before(w.Start.Truncate(time.Second)), about()...)
			require.True(t, plan.At.Equal(now) || !plan.At.After(w.End), about()...)
		case "ARIWindowClipped":
			require.True(t, plan.At.Equal(now) || !plan.At.After(w.End), about()...)
		default: // never early by more than the spread
			require.False(t, plan.At.Before(from.Add(life/2-life/50-time.Second)), about()...)
		}
		due := domain.PlanRenewal(plan.At, issued, w, fraction)
		require.Equal(t, plan.At, due.At, about()...)
	}
}
