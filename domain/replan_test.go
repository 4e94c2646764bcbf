package domain_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestReplan(t *testing.T) {
	t.Parallel()
	const h, m, s = time.Hour, time.Minute, time.Second
	issued := valid(noon, 90*day)
	usual := window(noon, 59*day, 61*day)
	planned := domain.PlanRenewal(noon, issued, usual, 0.5)
	byAge := domain.PlanRenewal(noon, issued, nil, 0.5)
	passed := domain.PlanRenewal(noon.Add(20*day), issued, window(noon, 19*day, 19*day+h), 0.5)
	paused := domain.PlanRenewal(noon.Add(h), issued, window(noon, 30*m, 40*m), 0.5).WithCooldown(noon.Add(h), issued)
	for _, c := range []struct {
		name   string
		stored domain.RenewalPlan
		now    time.Duration
		window *domain.Window
		want   time.Duration
		moved  bool
	}{
		{"no answer", planned, 20 * day, nil, 60 * day, false},
		{"no answer, and never one", byAge, 20 * day, nil, byAge.At.Sub(noon), false},
		{"the same window", planned, 20 * day, window(noon, 59*day, 61*day), 60 * day, false},
		{"the first window", byAge, 20 * day, usual, 60 * day, true},
		{"later", planned, 20 * day, window(noon, 61*day, 63*day), 62 * day, true},
		{"earlier", planned, 20 * day, window(noon, 39*day, 41*day), 40 * day, true},
		{"another window, the same instant", planned, 20 * day, window(noon, 58*day, 62*day), 60 * day, false},
		{"less than a second away", planned, 20 * day, window(noon, 59*day, 61*day+s), 60 * day, false},
		{"a second away", planned, 20 * day, window(noon, 59*day, 61*day+2*s), 60*day + s, true},
		{"into the past", planned, 20 * day, window(noon, 20*day-h, 20*day-30*m), 20 * day, true},
		{"into the past, after a week", planned, 7 * day, window(noon, 7*day-h, 7*day-30*m), 7 * day, true},
		{"the window is open, and the instant past", planned, 20 * day, window(noon, 19*day, 20*day+h), 20 * day, true},
		{"in the past still", passed, 21 * day, window(noon, 21*day-h, 21*day-30*m), 20 * day, false},
		{"due, and open now", planned, 60*day + h, window(noon, 60*day, 60*day+2*h), 60 * day, false},
		{"out of the past again", passed, 21 * day, usual, 60 * day, true},
		{"a pause stands", paused, h + 10*m, window(noon, 35*m, 45*m), 2 * h, false},
		{"a pause stands no longer than the window is passed", paused, h + 10*m, usual, 60 * day, true},
		{"overdue already", planned, 76 * day, window(noon, 70*day, 71*day), 60 * day, false},
		{"no window at all", planned, 20 * day, window(noon, 61*day, 61*day), byAge.At.Sub(noon), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan, moved := c.stored.Replan(noon.Add(c.now), issued, c.window)
			require.Equal(t, c.moved, moved, "%+v", plan)
			require.Equal(t, c.want, plan.At.Sub(noon))
			require.Equal(t, c.stored.Fraction, plan.Fraction)
			if c.window != nil {
				require.Equal(t, c.window, plan.Window, "the window that holds is kept")
			}
			again, moved := plan.Replan(noon.Add(c.now+m), issued, c.window)
			require.False(t, moved, "moved once")
			require.Equal(t, plan, again)
		})
	}
}

func TestReplanShowsTheExplanation(t *testing.T) {
	t.Parallel()
	issued := valid(noon, 90*day)
	plan := domain.PlanRenewal(noon, issued, window(noon, 59*day, 61*day), 0.5)
	plain := plan.Message
	for _, why := range []string{"https://ca.example/1", "https://ca.example/2", ""} {
		explained := window(noon, 59*day, 61*day)
		explained.ExplanationURL = why
		var moved bool
		plan, moved = plan.Replan(noon.Add(day), issued, explained)
		require.False(t, moved)
		want := plain
		if why != "" {
			want += " The CA explains: " + why
		}
		require.Equal(t, want, plan.Message)
	}
}

// A clock that is off by minutes may move an instant by minutes, and never lets a window be missed or a renewal loop.
func TestAClockThatIsOffDoesNoHarm(t *testing.T) {
	t.Parallel()
	const h, m = time.Hour, time.Minute
	issued := valid(noon, 90*day)
	stored := domain.PlanRenewal(noon, issued, window(noon, 59*day, 61*day), 0.5)
	for _, off := range []time.Duration{-10 * m, 0, 10 * m} {
		at := noon.Add(20 * day)
		incident := window(at, -h, -30*m) // by the CA's clock
		plan, moved := stored.Replan(at.Add(off), issued, incident)
		require.True(t, moved)
		require.Equal(t, at.Add(off), plan.At, "now, by whatever clock")

		plan, moved = stored.Replan(at.Add(off), issued, window(noon, 59*day, 61*day))
		require.False(t, moved)
		require.Equal(t, stored, plan)

		// Right after issuance, by a clock at which the certificate begins ten minutes from now, too.
		fresh := domain.PlanRenewal(noon.Add(off), issued, window(noon, 59*day, 61*day), 0.5)
		require.Equal(t, stored.At, fresh.At)

		// The narrowest window there is (160 h of life: 3.2 h): the instant drawn keeps ten minutes from its end but
		// for one draw in 20.
		short := valid(noon, 160*h)
		narrow := domain.PlanRenewal(noon.Add(off), short, window(noon, 78*h+24*m, 81*h+36*m), 0.94)
		require.True(t, narrow.At.Add(10*m).Before(narrow.Window.End))
	}
	// A window that opens and ends within the error: at the worst, the renewal is minutes early or at once.
	at := noon.Add(20 * day)
	plan, _ := stored.Replan(at.Add(-10*m), issued, window(at, -15*m, -5*m))
	require.False(t, plan.At.After(at))
}

// Certificates that were issued together part: over the CA's window, or over 2 % of their life without one.
func TestAFleetIssuedTogetherParts(t *testing.T) {
	t.Parallel()
	const size = 1000
	issued := valid(noon, 90*day)
	for name, c := range map[string]struct {
		window     *domain.Window
		begin, end time.Duration
	}{
		"by the window": {window(noon, 59*day, 61*day), 59 * day, 61 * day},
		"by age":        {nil, 60*day - 90*day/50, 60 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var instants []time.Duration
			hours := map[time.Duration]int{}
			for i := range size {
				// The golden ratio's multiples are as even as draws can be, and come in no order.
				_, fraction := math.Modf(float64(i) * math.Phi)
				at := domain.PlanRenewal(noon, issued, c.window, fraction).At.Sub(noon)
				instants = append(instants, at)
				hours[at.Truncate(time.Hour)]++
			}
			slices.Sort(instants)
			width := c.end - c.begin
			require.GreaterOrEqual(t, instants[0], c.begin)
			require.LessOrEqual(t, instants[size-1], c.end)
			require.Greater(t, instants[size-1]-instants[0], width*99/100)
			for hour, n := range hours {
				require.LessOrEqual(t, n, 2*size*int(time.Hour)/int(width)+2, "in the hour after %s", hour)
			}
		})
	}
}
