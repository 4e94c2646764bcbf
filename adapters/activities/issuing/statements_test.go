package issuing

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

// counted counts statements.
type counted struct{ statements atomic.Int64 }

func (c *counted) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.statements.Add(1)
	return ctx
}

func (c *counted) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counted) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (c *counted) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	c.statements.Add(1)
}

func (c *counted) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// The statements of the steps are counted exactly: each is a round trip of every renewal of a fleet. Those of the
// responder are not among them.
func TestStatementsOfTheSteps(t *testing.T) {
	t.Parallel()
	servers := newServers(t)
	count := &counted{}
	config := servers.pool.Config()
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: config.ConnString(), Tracer: count})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	r := servers.process(func(p *Params) {
		p.Orders, p.Certificates, p.Validations = postgres.NewOrders(pool), postgres.NewCertificates(pool),
			postgres.NewValidations(pool)
		p.Processes = postgres.NewProcesses(pool)
		p.Solvers = []ports.Solver{http01.NewSolver(http01.Config{CheckPort: servers.pebble.HTTPPort,
			Resolver: servers.pebble.DNS, Allow: acmetest.Loopback}, postgres.NewHTTPTokens(pool))}
	})
	spec := domain.Spec{Names: []string{"count.example.test"}}
	takes := func(want int64, step string, run func()) {
		t.Helper()
		before := count.statements.Load()
		run()
		require.Equal(t, want, count.statements.Load()-before, step)
	}
	request := requested(domain.RequestStart, forSpec(spec))
	// The record is read, and what processes have; then it is stored, and the record read again.
	takes(4, "RecordRequest", func() {
		_, err := call(r, ports.RecordRequest, request)
		require.NoError(t, err)
	})
	reserve := func(want domain.Want) {
		t.Helper()
		takes(1, "ReserveOrder", func() {
			out, err := call(r, ports.ReserveOrder,
				ports.ReserveOrderInput{Certificate: certName, Spec: spec, Want: want, At: now})
			require.NoError(t, err)
			require.True(t, out.Needed)
		})
	}
	reserve(domain.Want{Reason: domain.WakeNotIssued})
	var first *domain.Issued
	// The order is looked for, opened and placed; the tokens put and removed; failed validations counted; the
	// certificate and its plan recorded.
	takes(8, "ObtainCertificate", func() { first = r.issue(order(certName, spec, nil)) })
	spec.Names = []string{"renewed.example.test"} // Pebble may use an authorization again, whatever it is asked for
	reserve(domain.Want{Reason: domain.WakeRequested, Replaces: first.Version})
	takes(8, "ObtainCertificate of a renewal", func() { r.issue(order(certName, spec, first)) })
	takes(2, "RecordReleased", func() {
		_, err := call(r, ports.RecordReleased, ports.RecordReleasedInput{Certificate: certName})
		require.NoError(t, err)
	})
}
