package dns01_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/domain"
	"everleaf/ports"
)

// DNS allows any octet in a name, and the owner of a CNAME chooses where it leads: a dot inside a label ends none, and
// nothing that a zone or a service may stumble over is written or stored. A row that can never be removed would keep
// the order's others in DNS.
func TestCNAMEToOtherCharacters(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "customer.test", "acme.test")
	server.Add("_acme-challenge.good.customer.test. 1 CNAME good.acme.test.")
	store := newRecords()
	s := solver(t, server, store, server.Zone("acme.test"))
	good := challenge("good.customer.test")
	require.NoError(t, s.Present(t.Context(), "order", []domain.Challenge{good}))
	for i, target := range []string{`evil\.acme.test.`, `a.evil\.acme.test.`, `\;id.acme.test.`, `a\ b.acme.test.`,
		`\\.acme.test.`, `\195\164.acme.test.`} {
		name := fmt.Sprintf("n%d.customer.test", i)
		server.Add("_acme-challenge." + name + ". 1 CNAME " + target)
		requireFault(t, s.Present(t.Context(), "order", []domain.Challenge{good, challenge(name)}), domain.FaultName,
			"NameNotDelegated",
			name, "characters", "for example "+name+".acme.test")
	}
	require.Len(t, store.of("order"), 1)
	require.NoError(t, s.CleanUp(t.Context(), "order"))
	require.Empty(t, server.TXT("good.acme.test"))
	require.Empty(t, store.of("order"))
}

// putAgain is a store at which another process presents again just before this one forgets what it removed.
type putAgain struct {
	*records
	once  sync.Once
	again func()
}

func (p *putAgain) ForgetRecords(ctx context.Context, order string, gone []ports.DNSRecord) error {
	p.once.Do(p.again)
	return p.records.ForgetRecords(ctx, order, gone)
}

// A worker that was taken for dead cleans up while another one has the order presented again, as a sweep may: what is
// in DNS stays known.
func TestPresentedAgainWhileItIsRemoved(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	store := &putAgain{records: newRecords()}
	dead, alive := solver(t, server, store, server.Zone("shop.test")),
		solver(t, server, store, server.Zone("shop.test"))
	challenges := []domain.Challenge{challenge("shop.test")}
	store.again = func() { require.NoError(t, alive.Present(t.Context(), "order", challenges)) }
	require.NoError(t, dead.Present(t.Context(), "order", challenges))
	require.NoError(t, dead.CleanUp(t.Context(), "order"))
	require.NoError(t, alive.Check(t.Context(), challenges[0]))
	require.Len(t, store.of("order"), 1)
	require.NoError(t, alive.CleanUp(t.Context(), "order"))
	require.Empty(t, server.TXT("_acme-challenge.shop.test"))
	require.Empty(t, store.of("order"))
}

// service remembers what it was asked to write, and takes time to remove.
type service struct {
	mu      sync.Mutex
	written map[string]bool
	pause   time.Duration
	// refused is the one name that it does not remove.
	refused string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct{ FQDN, Value string }
	if json.NewDecoder(r.Body).Decode(&asked) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.URL.Path == "/cleanup" {
		select {
		case <-time.After(s.pause):
		case <-r.Context().Done():
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path == "/present":
		s.written[asked.FQDN] = true
	case asked.FQDN == s.refused:
		w.WriteHeader(http.StatusNotFound)
	default:
		delete(s.written, asked.FQDN)
	}
}

// names is how many are written.
func (s *service) names() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.written)
}

// A removal has a few seconds each time. One that is cut short, or is refused one name, gets further with the others.
func TestRemovalGetsFurther(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	with := func(backend *service) (*dns01.Solver, *records) {
		backend.written = map[string]bool{}
		web := httptest.NewServer(backend)
		t.Cleanup(web.Close)
		store := newRecords()
		s := solver(t, server, store, dns01.ZoneConfig{Zone: "shop.test", HTTP: &dns01.HTTP{URL: web.URL}})
		var challenges []domain.Challenge
		for i := range 100 {
			challenges = append(challenges, challenge(fmt.Sprintf("n%02d.shop.test", i)))
		}
		require.NoError(t, s.Present(t.Context(), "order", challenges))
		require.Equal(t, 100, backend.names())
		return s, store
	}

	slow := &service{pause: 50 * time.Millisecond}
	s, store := with(slow)
	for range 20 {
		if len(store.of("order")) == 0 {
			break
		}
		bounded, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond) // about half of what all take
		_ = s.CleanUp(bounded, "order")
		cancel()
	}
	require.Zero(t, slow.names())
	require.Empty(t, store.of("order"))

	picky := &service{refused: "_acme-challenge.n03.shop.test."}
	s, store = with(picky)
	requireFault(t, s.CleanUp(t.Context(), "order"), domain.FaultOperator, "DNSRefused",
		"_acme-challenge.n03.shop.test", "404")
	require.Equal(t, 1, picky.names())
	require.Less(t, len(store.of("order")), 20)
	picky.refused = ""
	require.NoError(t, s.CleanUp(t.Context(), "order"))
	require.Zero(t, picky.names())
	require.Empty(t, store.of("order"))
}
