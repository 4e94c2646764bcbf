package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/caller"
	"everleaf/domain"
)

// besideHung is a configuration file with a CA that is well and one that takes connections and answers nothing.
const besideHung = `
issuers:
  - {name: well, directory: "${WELL}", caBundle: "${WELL_ROOTS}"}
  - {name: hung, directory: "${HUNG}", caBundle: "${HUNG_ROOTS}", timeout: %s}
`

// hung is a stack with a second CA behind a gate.
type hung struct {
	*stack
	gate   *gate
	keeper *caller.Client
	count  int
	done   chan error
}

// newHung has calls to the second CA time out after this long.
func newHung(t testing.TB, timeout time.Duration) *hung {
	t.Helper()
	// No waits that the CA asks for: they would hide others.
	options := acmetest.Options{AuthorizationRetry: -1, OrderRetry: -1, Env: []string{steady, neverReuse}}
	h := &hung{stack: newStackOn(t, options), gate: newGate(), done: make(chan error, 1)}
	options.DNS, options.HTTPPort = h.ca.DNS, h.ca.HTTPPort
	second := acmetest.Start(t, options)
	proxy := newCAProxy(t, second.Directory, second.CABundle)
	proxy.on(&rule{path: "/", left: -1, gate: h.gate})
	for name, value := range map[string]string{
		"WELL": h.setting("EVERLEAF_ACME_DIRECTORY"), "WELL_ROOTS": h.setting("EVERLEAF_ACME_CA_BUNDLE"),
		"HUNG": proxy.Directory, "HUNG_ROOTS": proxy.CABundle,
		"EVERLEAF_CONFIG":         filepath.Join(t.TempDir(), "everleaf.yaml"),
		"EVERLEAF_ACME_DIRECTORY": "", "EVERLEAF_ACME_CA_BUNDLE": "", "EVERLEAF_ACME_EMAIL": "",
	} {
		h.set(name, value)
	}
	require.NoError(t, os.WriteFile(h.setting("EVERLEAF_CONFIG"), fmt.Appendf(nil, besideHung, timeout), 0o600))
	h.keeper = caller.New(h.temporal, caller.Options{TaskQueue: h.queue})
	return h
}

// crowd asks the CA that hangs for so many certificates, and waits until each has been tried.
func (h *hung) crowd(ctx context.Context, count int) {
	h.t.Helper()
	go func() {
		h.done <- inFlight(count, count, func(i int) error {
			name := fmt.Sprintf("%s-hung-%d", h.name, i)
			got, err := h.keeper.Ensure(ctx, name,
				domain.Spec{Names: []string{fmt.Sprintf("hung-%d.example.test", i)}, Issuers: []string{"hung"}})
			if err == nil && got.Issued == nil {
				err = fmt.Errorf("%s: %+v", name, got)
			}
			return err
		})
	}()
}

// tried reports whether each of the crowd has been at work: its order is stored before the CA hears of it.
func (h *hung) tried(count int) bool {
	return h.scalar(`SELECT count(*) FROM orders WHERE issuer = 'hung'`) == count
}

// paces are how long an Ensure and a Renew at the CA that is well take: the middle one of three each.
func (h *hung) paces(ctx context.Context) (ensure, renew time.Duration) {
	h.t.Helper()
	var ensures, renews []time.Duration
	for range 3 {
		h.count++
		name := fmt.Sprintf("%s-well-%d", h.name, h.count)
		started := time.Now()
		first, err := h.keeper.Ensure(ctx, name,
			domain.Spec{Names: []string{fmt.Sprintf("well-%d.example.test", h.count)}, Issuers: []string{"well"}})
		require.NoError(h.t, err)
		ensures = append(ensures, time.Since(started))
		started = time.Now()
		second, err := h.keeper.Renew(ctx, name, caller.RenewRequest{})
		require.NoError(h.t, err)
		renews = append(renews, time.Since(started))
		require.NotEqual(h.t, first.Issued.Serial, second.Issued.Serial)
	}
	slices.Sort(ensures)
	slices.Sort(renews)
	return ensures[1], renews[1]
}

// A CA that answers nothing holds up no certificate of another CA, and its own go on when it answers again.
func TestHungCA(t *testing.T) {
	t.Parallel()
	const slots, count = 20, 100
	h := newHung(t, 3*time.Second)
	h.set("EVERLEAF_AUTHORIZATION_SLOTS", fmt.Sprint(slots))
	h.worker()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	h.paces(ctx) // account and statement caches
	ensure, renew := h.paces(ctx)

	h.crowd(ctx, count)
	h.eventually("each hung certificate to be tried", func() bool { return h.tried(count) })
	ensureBeside, renewBeside := h.paces(ctx)
	t.Logf("ensure %v idle, %v beside (%.1f); renew %v idle, %v beside (%.1f)", ensure, ensureBeside,
		ensureBeside.Seconds()/ensure.Seconds(),
		renew, renewBeside, renewBeside.Seconds()/renew.Seconds())
	require.Less(t, ensureBeside, 5*ensure+3*time.Second)
	require.Less(t, renewBeside, 5*renew+3*time.Second)
	require.Zero(t, h.scalar(`SELECT count(*) FROM versions WHERE certificate LIKE '%-hung-%'`))
	require.Zero(t, h.scalar(`SELECT count(*) FROM certificates WHERE failure IS NOT NULL`), "a wait is no failure")

	h.gate.open()
	require.NoError(t, <-h.done, "they go on by themselves")
	require.Equal(t, count, h.scalar(`SELECT count(*) FROM versions WHERE certificate LIKE '%-hung-%'`))
}

// BenchmarkHungCA prints how long an issuance takes at a CA that is well beside 1,000 orders at one that answers
// nothing, as a share of what it takes at idle; with the usual slots and time-out. At first the crowd holds all slots
// until its calls time out.
func BenchmarkHungCA(b *testing.B) {
	const count = 1000
	h := newHung(b, 10*time.Second)
	h.worker()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	h.paces(ctx)
	ensure, renew := h.paces(ctx)
	started := time.Now()
	h.crowd(ctx, count)
	h.eventually("each hung certificate to be tried", func() bool { return h.tried(count) })
	crowded := time.Since(started)
	ensureAtOnce, renewAtOnce := h.paces(ctx)
	time.Sleep(time.Minute) // each looks less often the longer the CA is silent
	ensureBeside, renewBeside := h.paces(ctx)
	cancel()
	<-h.done
	b.ReportMetric(0, "ns/op")
	row := func(what string, idle, atOnce, beside time.Duration) string {
		return fmt.Sprintf("%s\t%.2f\t%.2f\t%.2f\t%.2f", what, idle.Seconds(), atOnce.Seconds(), beside.Seconds(),
			beside.Seconds()/idle.Seconds())
	}
	report(b, fmt.Sprintf("What one issuance took at a CA that is well, in s, and one renewal, the middle ones of three: at idle, beside %d orders at a CA\n"+
		"that answers nothing, as soon as each of them had been tried once (after %.0f s), and a minute later.", count,
		crowded.Seconds()),
		"\tat idle\tbeside, at once\ta minute later\tthis as a share of idle",
		row("issuance", ensure, ensureAtOnce, ensureBeside), row("renewal", renew, renewAtOnce, renewBeside))
}
