package issuing

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/activities"
	"everleaf/adapters/activities/activitytest"
	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/sealing"
	"everleaf/adapters/system"
	"everleaf/domain"
	"everleaf/ports"
)

// servers is where the steps are real down to the ground: Postgres, a responder, and Pebble behind a proxy that
// behaves as Let's Encrypt's CA does.
type servers struct {
	*testing.T
	pool   *pgxpool.Pool
	pebble *acmetest.Pebble
	ca     *acmetest.Boulder
	keeper *sealing.Keeper
}

func newServers(t *testing.T, env ...string) *servers {
	t.Helper()
	servers := &servers{T: t}
	servers.pool, _ = postgrestest.New(t)
	responder := http01.NewResponder(http01.Config{Listen: "127.0.0.1:0"}, postgres.NewHTTPTokens(servers.pool), nil)
	require.NoError(t, responder.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, responder.Stop(context.Background())) })
	_, port, err := net.SplitHostPort(responder.Addr())
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	servers.pebble = acmetest.Start(t, acmetest.Options{HTTPPort: number,
		Env: append([]string{"PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0"}, env...)})
	servers.ca = acmetest.NewBoulder(t, servers.pebble)
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	path := filepath.Join(t.TempDir(), "sealing.key")
	require.NoError(t, os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(secret)), 0o600))
	servers.keeper, err = sealing.Open(t.Context(), sealing.Config{KeyURL: "file://" + path})
	require.NoError(t, err)
	t.Cleanup(func() { servers.keeper.Close() })
	return servers
}

// process is a worker that has just started: it knows nothing but what is stored. change, if given, is made to its
// ports.
func (servers *servers) process(change func(*Params)) *rig {
	servers.Helper()
	ca, err := acme.New(acme.Config{Issuer: domain.DefaultIssuer, Directory: servers.ca.Directory,
		CABundle: servers.ca.CABundle},
		postgres.NewAccounts(servers.pool), servers.keeper, nil)
	require.NoError(servers, err)
	tokens := postgres.NewHTTPTokens(servers.pool)
	params := Params{
		Orders: postgres.NewOrders(servers.pool), Certificates: postgres.NewCertificates(servers.pool),
		Deliveries:  postgres.NewDeliveries(servers.pool),
		Validations: postgres.NewValidations(servers.pool), Issuers: acme.NewIssuers(ca),
		Solvers: []ports.Solver{http01.NewSolver(http01.Config{CheckPort: servers.pebble.HTTPPort,
			Resolver: servers.pebble.DNS, Allow: acmetest.Loopback}, tokens)},
		Keys: sealing.NewKeys(servers.keeper), Clock: system.Clock{}, Rand: system.Rand{},
		Observer:  activitytest.Unobserved{},
		Processes: postgres.NewProcesses(servers.pool),
	}
	if change != nil {
		change(&params)
	}
	r := &rig{T: servers.T, activities: New(params), beaten: make(chan struct{}, 1)}
	r.activities.pace.check, r.activities.pace.poll = 50*time.Millisecond, 50*time.Millisecond
	r.env = activitytest.Env(nil)
	r.env.SetOnActivityHeartbeatListener(r.heard)
	RegisterShort(r.env, r.activities)
	RegisterLong(r.env, r.activities)
	activities.Register(r.env, part, r.part)
	return r
}

// dying is a process that dies between the CA's answer to newOrder and storing it.
type dying struct {
	ports.Orders
	url string // of the order that was lost
}

func (d *dying) RecordPlaced(_ context.Context, _, _, url string, _ time.Time) (string, error) {
	d.url = url
	return "", killed()
}

func killed() error {
	return domain.NewFault(domain.FaultWait, "Killed", errors.New("killed"), "the process is gone").Permanent()
}

// order asks for a certificate in place of another one, which may be nil.
func order(name string, spec domain.Spec, replaces *domain.Issued) ports.ObtainCertificateInput {
	in := ports.ObtainCertificateInput{Certificate: name, Spec: spec.WithDefaults()}
	if replaces != nil {
		in.Replaces = replaces.Version
	}
	return in
}

// obtain runs the step until it needs no other try to go on, as Temporal does.
func (r *rig) obtain(in ports.ObtainCertificateInput) (domain.Record, error) {
	r.Helper()
	for {
		out, err := call(r, ports.ObtainCertificate, in)
		if err == nil {
			return out.Record, nil
		}
		application, _ := faultIn(r, err)
		if application.Category() != temporal.ApplicationErrorCategoryBenign {
			return out.Record, err
		}
		r.env.SetHeartbeatDetails(r.progress())
		time.Sleep(application.NextRetryDelay()) // Temporal's timer
	}
}

// issue obtains a certificate without a failure.
func (r *rig) issue(in ports.ObtainCertificateInput) *domain.Issued {
	r.Helper()
	record, err := r.obtain(in)
	require.NoError(r, err)
	require.NotNil(r, record.Issued)
	require.NotNil(r, record.Renewal)
	return record.Issued
}

// stage runs the first parts of an issuance: the order is placed, and authorized if it is to be.
func (r *rig) stage(in ports.ObtainCertificateInput, authorized bool) (order domain.Order) {
	r.Helper()
	r.in = in
	require.NoError(r, r.parts(func(ctx context.Context, i *issuance) error {
		record, inFlight, err := i.Orders.FindOrder(ctx, in.Certificate)
		require.NoError(r, err)
		order, err = i.place(ctx, record, inFlight)
		if err == nil && authorized {
			err = i.authorize(ctx, &order)
		}
		return err
	}))
	return order
}

// count reads one number from Postgres.
func (servers *servers) count(query string, args ...any) (n int) {
	servers.Helper()
	require.NoError(servers, servers.pool.QueryRow(servers.Context(), query, args...).Scan(&n))
	return n
}
