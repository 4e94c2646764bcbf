package issuing

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/sealing"
	"everleaf/adapters/system"
	"everleaf/domain"
	"everleaf/ports"
)

// town is where the steps are real down to the ground: Postgres, a responder, and Pebble behind a proxy that behaves as
// Let's Encrypt's CA does.
type town struct {
	*testing.T
	pool   *pgxpool.Pool
	pebble *acmetest.Pebble
	ca     *acmetest.Boulder
	keeper *sealing.Keeper
}

func newTown(t *testing.T, env ...string) *town {
	t.Helper()
	town := &town{T: t}
	town.pool, _ = postgrestest.New(t)
	responder := http01.NewResponder(http01.Config{Listen: "127.0.0.1:0"}, postgres.NewHTTPTokens(town.pool), nil)
	require.NoError(t, responder.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, responder.Stop(context.Background())) })
	_, port, err := net.SplitHostPort(responder.Addr())
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	town.pebble = acmetest.Start(t, acmetest.Options{HTTPPort: number, Env: append([]string{"PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0"}, env...)})
	town.ca = acmetest.NewBoulder(t, town.pebble)
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	path := filepath.Join(t.TempDir(), "sealing.key")
	require.NoError(t, os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(secret)), 0o600))
	town.keeper, err = sealing.Open(t.Context(), sealing.Config{KeyURL: "file://" + path})
	require.NoError(t, err)
	t.Cleanup(func() { town.keeper.Close() })
	return town
}

// process is a worker that has just started: it knows nothing but what is stored. kills, if given, ends it within a call
// on orders or certificates.
func (town *town) process(kills *kill) *rig {
	town.Helper()
	ca, err := acme.New(acme.Config{Issuer: domain.DefaultIssuer, Directory: town.ca.Directory, CABundle: town.ca.CABundle},
		postgres.NewAccounts(town.pool), town.keeper, nil)
	require.NoError(town, err)
	tokens := postgres.NewHTTPTokens(town.pool)
	params := Params{
		Validations: postgres.NewValidations(town.pool),
		Orders:      postgres.NewOrders(town.pool), Certificates: postgres.NewCertificates(town.pool), Issuers: acme.NewIssuers(ca),
		Keys: sealing.NewKeys(town.keeper), Sealer: town.keeper, Clock: system.Clock{}, Dice: system.Dice{},
		Solvers: []ports.Solver{http01.NewSolver(http01.Config{CheckPort: town.pebble.HTTPPort, Resolver: town.pebble.DNS}, tokens)},
	}
	if kills != nil {
		kills.Orders = params.Orders
		params.Orders = kills
	}
	r := &rig{T: town.T, activities: New(params)}
	r.activities.pace.check, r.activities.pace.poll = 50*time.Millisecond, 50*time.Millisecond
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	r.env = suite.NewTestActivityEnvironment()
	both := &once{ActivityRegistry: r.env}
	RegisterShort(both, r.activities)
	RegisterLong(both, r.activities)
	return r
}

// kill is a process that dies between the CA's answer to newOrder and storing it.
type kill struct {
	ports.Orders
	url string // of the order that was lost
}

func (k *kill) RecordPlaced(_ context.Context, _, url string, _ time.Time) (string, error) {
	k.url = url
	return "", domain.NewFault(domain.FaultWait, "Killed", errors.New("killed"), "the process is gone").Permanent()
}

// place asks for an order.
func place(name, key string, spec domain.Spec, predecessor *domain.Issued) ports.PlaceOrderInput {
	return ports.PlaceOrderInput{Certificate: name, Key: key, Spec: spec.WithDefaults(), Issuer: domain.DefaultIssuer, Predecessor: predecessor}
}

// obtain takes a placed order to its certificate.
func (r *rig) obtain(name string, order domain.Order) *domain.Issued {
	r.Helper()
	out, err := call(r, ports.ObtainCertificate, ports.ObtainCertificateInput{Certificate: name, Order: order, Challenge: domain.ChallengeHTTP01})
	require.NoError(r, err)
	require.NotNil(r, out.Issued)
	return out.Issued
}

// issue does all of it.
func (r *rig) issue(in ports.PlaceOrderInput) *domain.Issued {
	r.Helper()
	placed, err := call(r, ports.PlaceOrder, in)
	require.NoError(r, err)
	return r.obtain(in.Certificate, placed.Order)
}

// insist runs a step as often as Temporal would, while its fault is one that Temporal repeats in place.
func insist[In, Out any](r *rig, step ports.Step[In, Out], in In, most int) (out Out, took int) {
	r.Helper()
	for took = 1; ; took++ {
		out, err := call(r, step, in)
		if err == nil {
			return out, took
		}
		require.Less(r, took, most, "%s: %v", step.Name, err)
		r.Logf("%s again: %v", step.Name, err)
		application, _ := faultIn(r, err)
		require.False(r, application.NonRetryable(), "%s: %v", step.Name, err)
	}
}

// count reads one number from Postgres.
func (town *town) count(query string, args ...any) (n int) {
	town.Helper()
	require.NoError(town, town.pool.QueryRow(town.Context(), query, args...).Scan(&n))
	return n
}
