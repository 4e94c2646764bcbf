package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRenew(t *testing.T) {
	renew := ports.RenewRequest{Note: "the key leaked"}
	t.Run("while ready: at once", func(t *testing.T) {
		w := newWorld(t)
		told := w.ask(day, ports.RenewUpdate, renew)
		w.run(ready())
		require.Equal(t, "PlaceOrder@24h0m0s", w.story[0])
		require.Equal(t, "v1", told.status.Issued.Version)
		require.Equal(t, 4, w.next().Cycle)
	})
	t.Run("while the first is issued: joins", func(t *testing.T) {
		w := newWorld(t)
		var told *answer
		authorize := w.authorize
		w.authorize = func(n int, in ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
			told = w.askNow(ports.RenewUpdate, renew)
			return authorize(n, in)
		}
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, "v1", told.status.Issued.Version)
		require.Len(t, w.placed, 1)
		require.Equal(t, 1, w.next().Cycle)
	})
	t.Run("while a renewal is at work: another follows", func(t *testing.T) {
		w := newWorld(t)
		var told *answer
		authorize := w.authorize
		w.authorize = func(n int, in ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
			if n == 1 {
				told = w.askNow(ports.RenewUpdate, renew)
			}
			return authorize(n, in)
		}
		w.run(ready())
		require.Equal(t, "v2", told.status.Issued.Version)
		require.Equal(t, 5, w.next().Cycle)
	})
	t.Run("while failing: tried at once", func(t *testing.T) {
		w := newWorld(t)
		w.failing(nameFault, 2)
		told := w.ask(20*time.Second, ports.RenewUpdate, renew)
		w.run(domain.Certificate{Spec: spec})
		require.NoError(t, told.err)
		require.Equal(t, 20*time.Second, told.at)
		require.Equal(t, 1, w.next().Cycle)
	})
	t.Run("while rate limited: told, and not tried before the CA said", func(t *testing.T) {
		w := newWorld(t)
		w.failing(limitedFault, 2)
		told := w.ask(time.Hour, ports.RenewUpdate, renew)
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, "RateLimited", told.problem(t).Reason)
		require.Equal(t, time.Hour, told.at)
		require.Equal(t, "PlaceOrder@3h0m0s", w.story[2])
		require.Equal(t, 1, w.next().Cycle)
	})
}

// How late a renewal is counts from its plan, also when the first tries failed; what somebody asked for has no plan.
func TestRenewalKnowsForWhenItWasPlanned(t *testing.T) {
	w := newWorld(t)
	w.failing(nameFault, 3)
	w.run(ready())
	for _, in := range w.placed {
		require.Equal(t, ready().Renewal.At, in.Planned)
	}
	require.Len(t, w.placed, 3)
	asked := newWorld(t)
	asked.ask(day, ports.RenewUpdate, ports.RenewRequest{})
	asked.run(ready())
	require.Zero(t, asked.placed[0].Planned)
}
