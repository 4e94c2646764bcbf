package issuing

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

// mortal is a process that dies before or after one of its calls; nothing that it would do afterwards happens.
type mortal struct {
	left atomic.Int64
	last atomic.Pointer[string]
}

// dies reports whether the process ends here, or has ended.
func (m *mortal) dies(where string) bool {
	left := m.left.Add(-1)
	if left == 0 {
		m.last.Store(&where)
	}
	return left <= 0
}

// lives runs a call of the process.
func lives[T any](m *mortal, where string, run func() (T, error)) (result T, err error) {
	if m.dies("before " + where) {
		return result, killed()
	}
	result, err = run()
	if m.dies("after " + where) {
		var none T
		return none, killed()
	}
	return result, err
}

func (m *mortal) does(where string, run func() error) error {
	_, err := lives(m, where, func() (struct{}, error) { return struct{}{}, run() })
	return err
}

type mortalOrders struct {
	ports.Orders
	*mortal
}

func (o mortalOrders) FindOrder(ctx context.Context, certificate string) (record domain.Record,
	order *ports.StoredOrder, err error) {
	err = o.does("FindOrder", func() (err error) {
		record, order, err = o.Orders.FindOrder(ctx, certificate)
		return err
	})
	return record, order, err
}

func (o mortalOrders) OpenOrder(ctx context.Context, order ports.NewOrder) (ports.StoredOrder, error) {
	return lives(o.mortal, "OpenOrder", func() (ports.StoredOrder, error) { return o.Orders.OpenOrder(ctx, order) })
}

func (o mortalOrders) RecordPlaced(ctx context.Context, certificate, orderID, url string, expires time.Time) (string,
	error) {
	return lives(o.mortal, "RecordPlaced", func() (string,
		error) {
		return o.Orders.RecordPlaced(ctx, certificate, orderID, url, expires)
	})
}

func (o mortalOrders) AbandonOrder(ctx context.Context, certificate, orderID, reason string) error {
	return o.does("AbandonOrder", func() error { return o.Orders.AbandonOrder(ctx, certificate, orderID, reason) })
}

type mortalCertificates struct {
	ports.Certificates
	*mortal
}

func (c mortalCertificates) RecordIssued(ctx context.Context, certificate, orderID string, issued domain.Issued,
	chain []byte) (domain.Issued, error) {
	return lives(c.mortal, "RecordIssued", func() (domain.Issued, error) {
		return c.Certificates.RecordIssued(ctx, certificate, orderID, issued, chain)
	})
}

func (c mortalCertificates) RecordRenewal(ctx context.Context, certificate, version string, plan domain.RenewalPlan,
	next time.Time) (domain.Record, error) {
	return lives(c.mortal, "RecordRenewal", func() (domain.Record, error) {
		return c.Certificates.RecordRenewal(ctx, certificate, version, plan, next)
	})
}

type mortalSolver struct {
	ports.Solver
	*mortal
}

func (s mortalSolver) Present(ctx context.Context, orderID string, challenges []domain.Challenge) error {
	return s.does("Present", func() error { return s.Solver.Present(ctx, orderID, challenges) })
}

func (s mortalSolver) CleanUp(ctx context.Context, orderID string) error {
	return s.does("CleanUp", func() error { return s.Solver.CleanUp(ctx, orderID) })
}

type mortalCA struct {
	ports.CA
	*mortal
}

func (c mortalCA) PlaceOrder(ctx context.Context, request ports.OrderRequest) (domain.Order, error) {
	return lives(c.mortal, "newOrder", func() (domain.Order, error) { return c.CA.PlaceOrder(ctx, request) })
}

func (c mortalCA) AcceptChallenge(ctx context.Context, challenge domain.Challenge) error {
	return c.does("AcceptChallenge", func() error { return c.CA.AcceptChallenge(ctx, challenge) })
}

func (c mortalCA) Finalize(ctx context.Context, order domain.Order, csr []byte) (domain.Order, error) {
	return lives(c.mortal, "Finalize", func() (domain.Order, error) { return c.CA.Finalize(ctx, order, csr) })
}

func (c mortalCA) Download(ctx context.Context, url string) ([]byte, error) {
	return lives(c.mortal, "Download", func() ([]byte, error) { return c.CA.Download(ctx, url) })
}

type mortalIssuers struct {
	ports.Issuers
	*mortal
}

func (i mortalIssuers) Issuer(name string) (ports.CA, error) {
	ca, err := i.Issuers.Issuer(name)
	return mortalCA{ca, i.mortal}, err
}

// points is how often an issuance may be killed at least: before and after each of its calls that leaves a trace. A CA
// that is slow has some of them repeated.
const points = 22

// A worker is killed at each of these points of a first issuance and of a renewal: the next worker ends with one order
// at the CA, one certificate, and nothing left over.
func TestKillsBetweenAnyTwoCalls(t *testing.T) {
	t.Parallel()
	all := newServers(t, "PEBBLE_VA_NOSLEEP=1")
	t.Run("points", func(t *testing.T) {
		for n := 1; n <= points; n++ {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				servers := *all
				servers.T = t
				servers.killed(n)
			})
		}
	})
	require.Equal(t, 2*points, all.issuedByCA())
	require.Equal(t, 2*points, all.placedAtCA())
}

// killed issues and renews a certificate with a process that dies at the point n, and another one after it.
func (servers *servers) killed(n int) {
	name := fmt.Sprintf("kill-%d", n)
	issue := func(dnsName string, replaces *domain.Issued) *domain.Issued {
		spec := domain.Spec{Names: []string{dnsName}}
		m := &mortal{}
		m.left.Store(int64(n))
		in := order(name, spec, replaces)
		process := servers.process(func(p *Params) {
			p.Orders, p.Certificates = mortalOrders{p.Orders, m}, mortalCertificates{p.Certificates, m}
			p.Solvers, p.Issuers = []ports.Solver{mortalSolver{p.Solvers[0], m}}, mortalIssuers{p.Issuers, m}
		})
		_, err := process.obtain(in)
		var application *temporal.ApplicationError
		for m.last.Load() == nil && errors.As(err, &application) && !application.NonRetryable() {
			_, err = process.obtain(in) // a CA or Postgres that was slow
		}
		died := m.last.Load()
		require.NotNil(servers, died, "there are %d points: %v", points, err)
		servers.Logf("killed %s", *died)
		require.ErrorContains(servers, err, "gone")
		return servers.process(nil).issue(in)
	}
	first := issue(name+".example.test", nil)
	// Of another name: Pebble uses one authorization in a hundred again, whatever its settings say, and has fewer
	// points then.
	second := issue("next-"+name+".example.test", first)
	require.NotEqual(servers, first.Serial, second.Serial)
	for query, want := range map[string]int{
		`SELECT count(*) FROM orders WHERE certificate = $1`:                                             2,
		`SELECT count(*) FROM orders WHERE certificate = $1 AND state = 'issued'`:                        2,
		`SELECT count(*) FROM keys WHERE certificate = $1`:                                               2,
		`SELECT count(*) FROM versions WHERE certificate = $1`:                                           2,
		`SELECT count(*) FROM http_tokens t JOIN orders o ON o.id = t.order_id WHERE o.certificate = $1`: 0,
		`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'issued'`:                         2,
	} {
		require.Equal(servers, want, servers.count(query, name), query)
	}
}
