package dns01_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/domain"
	"everleaf/ports"
)

// records keeps what was written in memory, as Postgres does; it outlives solvers.
type records struct {
	mu      sync.Mutex
	byOrder map[string][]ports.DNSRecord
	puts    int
}

// same reports whether it is one record in DNS.
func same(a, b ports.DNSRecord) bool {
	return a.Zone == b.Zone && a.Name == b.Name && a.Value == b.Value
}

var _ ports.DNSRecords = (*records)(nil)

func newRecords() *records { return &records{byOrder: map[string][]ports.DNSRecord{}} }

func (r *records) PutRecords(_ context.Context, order string, put []ports.DNSRecord) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range put {
		r.byOrder[order] = slices.DeleteFunc(r.byOrder[order],
			func(old ports.DNSRecord) bool { return same(old, record) })
		r.puts++
		record.Mark = strconv.Itoa(r.puts)
		r.byOrder[order] = append(r.byOrder[order], record)
	}
	return nil
}

func (r *records) OrderRecords(_ context.Context, order string) (all, shared []ports.DNSRecord, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, theirs := range r.byOrder {
		for _, record := range r.byOrder[order] {
			if other != order && slices.ContainsFunc(theirs,
				func(their ports.DNSRecord) bool { return same(their, record) }) {
				shared = append(shared, record)
			}
		}
	}
	return slices.Clone(r.byOrder[order]), shared, nil
}

func (r *records) ForgetRecords(_ context.Context, order string, forgotten []ports.DNSRecord) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byOrder[order] = slices.DeleteFunc(r.byOrder[order],
		func(record ports.DNSRecord) bool { return slices.Contains(forgotten, record) })
	return nil
}

// OrphanedOrders are all.
func (r *records) OrphanedOrders(_ context.Context, _ time.Time, after string, limit int) (orders []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, order := range slices.Sorted(maps.Keys(r.byOrder)) {
		if order > after && len(r.byOrder[order]) > 0 && len(orders) < limit {
			orders = append(orders, order)
		}
	}
	return orders, nil
}

// of is what is stored under an order.
func (r *records) of(order string) []ports.DNSRecord {
	all, _, _ := r.OrderRecords(context.Background(), order)
	return all
}

// solver is one over the server's zones, as a process has it.
func solver(t *testing.T, server *dns01test.Server, store ports.DNSRecords, zones ...dns01.ZoneConfig) *dns01.Solver {
	t.Helper()
	s, err := dns01.NewSolver(dns01.Config{Zones: zones, Resolver: server.Addr, CheckPort: server.Port}, store)
	require.NoError(t, err)
	return s
}

// challenge is one for the name, that no other has.
func challenge(name string) domain.Challenge {
	token := rand.Text()
	return domain.Challenge{Type: domain.ChallengeDNS01, Status: domain.AuthorizationPending, Name: name, Token: token,
		KeyAuthorization: token + ".thumbprint"}
}

// requireFault checks kind, reason and that the message holds each part.
func requireFault(t *testing.T, err error, kind domain.FaultKind, reason string, parts ...string) *domain.Fault {
	t.Helper()
	var fault *domain.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, string(kind)+" "+reason, string(fault.Kind)+" "+string(fault.Reason), "%s", fault.Error())
	for _, part := range parts {
		require.Contains(t, fault.Error(), part)
	}
	return fault
}

// order is one that a real CA has, with the challenges that it asks for.
type order struct {
	t          *testing.T
	client     *acme.Client
	account    acme.Account
	order      acme.Order
	challenges []domain.Challenge
	offered    []acme.Challenge
}

func newOrder(t *testing.T, directory string, client *http.Client, names ...string) *order {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	o := &order{t: t, client: &acme.Client{Directory: directory, HTTPClient: client,
		PollInterval: 50 * time.Millisecond, PollTimeout: 20 * time.Second}}
	o.account, err = o.client.NewAccount(t.Context(), acme.Account{PrivateKey: key, TermsOfServiceAgreed: true})
	require.NoError(t, err)
	for _, name := range names {
		o.order.Identifiers = append(o.order.Identifiers, acme.Identifier{Type: "dns", Value: name})
	}
	o.order, err = o.client.NewOrder(t.Context(), o.account, o.order)
	require.NoError(t, err)
	for _, url := range o.order.Authorizations {
		authorization, err := o.client.GetAuthorization(t.Context(), o.account, url)
		require.NoError(t, err)
		i := slices.IndexFunc(authorization.Challenges,
			func(c acme.Challenge) bool { return c.Type == acme.ChallengeTypeDNS01 })
		require.GreaterOrEqual(t, i, 0, "no dns-01 challenge in %+v", authorization)
		c := authorization.Challenges[i]
		o.offered = append(o.offered, c)
		o.challenges = append(o.challenges, domain.Challenge{Type: domain.ChallengeDNS01,
			Status: domain.AuthorizationPending,
			Name:   authorization.Identifier.Value, Token: c.Token, KeyAuthorization: c.KeyAuthorization})
	}
	return o
}

// issue has the CA validate all challenges, and has it issue.
func (o *order) issue() *x509.Certificate {
	o.t.Helper()
	ctx := o.t.Context()
	for _, c := range o.offered {
		_, err := o.client.InitiateChallenge(ctx, o.account, c)
		require.NoError(o.t, err)
	}
	for _, url := range o.order.Authorizations {
		authorization, err := o.client.GetAuthorization(ctx, o.account, url)
		require.NoError(o.t, err)
		_, err = o.client.PollAuthorization(ctx, o.account, authorization)
		require.NoError(o.t, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(o.t, err)
	names := make([]string, len(o.order.Identifiers))
	for i, identifier := range o.order.Identifiers {
		names[i] = identifier.Value
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	require.NoError(o.t, err)
	finished, err := o.client.FinalizeOrder(ctx, o.account, o.order, csr)
	require.NoError(o.t, err)
	chains, err := o.client.GetCertificateChain(ctx, o.account, finished.Certificate)
	require.NoError(o.t, err)
	return leaf(o.t, chains[0].ChainPEM)
}
