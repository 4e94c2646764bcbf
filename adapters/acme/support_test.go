package acme_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/http01"
	"everleaf/domain"
	"everleaf/ports"
)

// world is a CA adapter on a real Pebble that validates through a real responder.
type world struct {
	pebble   *acmetest.Pebble
	ca       *acme.CA
	solver   *http01.Solver
	accounts *accounts
	log      *output
}

func newWorld(t *testing.T, options acmetest.Options) *world {
	t.Helper()
	tokens := &tokens{byToken: map[string]string{}, byOrder: map[string][]string{}}
	responder := http01.NewResponder(http01.Config{Listen: "127.0.0.1:0"}, tokens, nil)
	require.NoError(t, responder.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, responder.Stop(context.Background())) })
	_, port, err := net.SplitHostPort(responder.Addr())
	require.NoError(t, err)
	options.HTTPPort, err = strconv.Atoi(port)
	require.NoError(t, err)
	w := &world{pebble: acmetest.Start(t, options), accounts: &accounts{stored: map[string]ports.Account{}},
		log: &output{}}
	w.solver = http01.NewSolver(http01.Config{CheckPort: options.HTTPPort, Resolver: w.pebble.DNS,
		Allow: acmetest.Loopback}, tokens)
	w.ca = w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0)
	return w
}

// newCA makes a further adapter over the same account store, as another process has it.
func (w *world) newCA(t *testing.T, directory, bundle string, timeout time.Duration) *acme.CA {
	t.Helper()
	return w.newCAWith(t, acme.Config{Directory: directory, Email: "ops@example.org", CABundle: bundle,
		Timeout: timeout})
}

// newCAWith is newCA with more settings; the directory is the world's if it is left out.
func (w *world) newCAWith(t *testing.T, config acme.Config) *acme.CA {
	t.Helper()
	config.Issuer = "pebble"
	if config.Directory == "" {
		config.Directory, config.CABundle = w.pebble.Directory, w.pebble.CABundle
	}
	ca, err := acme.New(config, w.accounts, sealer{},
		slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, err)
	return ca
}

// authorize shows control of every name of the order and returns how many authorizations were valid already.
func (w *world) authorize(t *testing.T, order domain.Order) (alreadyValid int) {
	t.Helper()
	ctx := t.Context()
	for _, url := range order.Authorizations {
		authorization, err := w.ca.Authorization(ctx, url)
		require.NoError(t, err)
		if authorization.Status == domain.AuthorizationValid {
			alreadyValid++
			continue
		}
		challenge := httpChallenge(t, authorization)
		require.NoError(t, w.solver.Present(ctx, order.URL, []domain.Challenge{challenge}))
		require.NoError(t, w.solver.Check(ctx, challenge))
		require.NoError(t, w.ca.AcceptChallenge(ctx, challenge))
		require.Equal(t, domain.AuthorizationValid, w.settled(t, url).Status)
	}
	require.NoError(t, w.solver.CleanUp(ctx, order.URL))
	return alreadyValid
}

// settled reads the authorization until it is not pending any more.
func (w *world) settled(t *testing.T, url string) domain.Authorization {
	t.Helper()
	var authorization domain.Authorization
	require.Eventually(t, func() bool {
		var err error
		authorization, err = w.ca.Authorization(t.Context(), url)
		return err == nil && authorization.Status != domain.AuthorizationPending
	}, 20*time.Second, 10*time.Millisecond)
	return authorization
}

// finished reads the order until it is valid or invalid.
func (w *world) finished(t *testing.T, url string) domain.Order {
	t.Helper()
	var order domain.Order
	require.Eventually(t, func() bool {
		var err error
		order, err = w.ca.Order(t.Context(), url)
		return err == nil && (order.Status == domain.OrderValid || order.Status == domain.OrderInvalid)
	}, 20*time.Second, 10*time.Millisecond)
	return order
}

// issue obtains a certificate by port calls alone and returns the finished order, the leaf and the chain.
func (w *world) issue(t *testing.T, request ports.OrderRequest) (domain.Order, *x509.Certificate, []byte) {
	t.Helper()
	order, err := w.ca.PlaceOrder(t.Context(), request)
	require.NoError(t, err)
	w.authorize(t, order)
	order, err = w.ca.Finalize(t.Context(), order, csr(t, request.Names))
	require.NoError(t, err)
	require.Contains(t, []domain.OrderStatus{domain.OrderProcessing, domain.OrderValid}, order.Status)
	order = w.finished(t, order.URL)
	require.Equal(t, domain.OrderValid, order.Status, order.Problem)
	chain, err := w.ca.Download(t.Context(), order.CertificateURL)
	require.NoError(t, err)
	return order, leaf(t, chain), chain
}

func httpChallenge(t *testing.T, authorization domain.Authorization) domain.Challenge {
	t.Helper()
	i := slices.IndexFunc(authorization.Challenges,
		func(c domain.Challenge) bool { return c.Type == domain.ChallengeHTTP01 })
	require.GreaterOrEqual(t, i, 0, "no http-01 challenge in %+v", authorization)
	return authorization.Challenges[i]
}

func csr(t *testing.T, names []string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	require.NoError(t, err)
	return der
}

func leaf(t *testing.T, chain []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(chain)
	require.NotNil(t, block, "no PEM in the chain")
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}

// requireWait checks a wait that the CA asked for after the instant: in seconds, or as a date, which has no parts of a
// second and comes nearer while the test runs. Pebble draws lots for which.
func requireWait(t *testing.T, asked, got time.Duration, after time.Time) {
	t.Helper()
	require.LessOrEqual(t, got, asked)
	require.Greater(t, got, asked-time.Since(after)-time.Second)
}

// requireFault checks kind, reason and that the message holds each part.
func requireFault(t *testing.T, err error, kind domain.FaultKind, reason string, parts ...string) *domain.Fault {
	t.Helper()
	var fault *domain.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, string(kind)+" "+reason, string(fault.Kind)+" "+string(fault.Reason), "%s", fault.Message)
	for _, part := range parts {
		require.Contains(t, fault.Message, part)
	}
	return fault
}

// account is the stored account of the world's own CA.
func (w *world) account() ports.Account {
	found, _ := w.accounts.FindAccount(context.Background(), "pebble", w.pebble.Directory)
	return *found
}

// tokens is the responders' store in memory.
type tokens struct {
	mu      sync.Mutex
	byToken map[string]string
	byOrder map[string][]string
}

func (s *tokens) PutTokens(_ context.Context, order string, challenges []domain.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range challenges {
		s.byToken[c.Token] = c.KeyAuthorization
		s.byOrder[order] = append(s.byOrder[order], c.Token)
	}
	return nil
}

func (s *tokens) KeyAuthorizations(_ context.Context, asked []string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]string{}
	for _, token := range asked {
		if authorization, ok := s.byToken[token]; ok {
			found[token] = authorization
		}
	}
	return found, nil
}

func (s *tokens) RemoveTokens(_ context.Context, order string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range s.byOrder[order] {
		delete(s.byToken, token)
	}
	delete(s.byOrder, order)
	return nil
}

// sealer turns every bit around: enough to see that no plaintext is stored.
type sealer struct{}

func (sealer) Seal(_ context.Context, _ domain.Place, plaintext []byte) ([]byte, error) {
	return flip(plaintext), nil
}
func (sealer) Open(_ context.Context, _ domain.Place, sealed []byte) ([]byte, error) {
	return flip(sealed), nil
}

func flip(in []byte) []byte {
	out := make([]byte, len(in))
	for i, b := range in {
		out[i] = ^b
	}
	return out
}

// output collects a log.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

func name(t *testing.T, i int) string { return fmt.Sprintf("n%d.%s.example.org", i, label(t)) }

// label makes a DNS label of the test's name, so that no two tests share a name.
func label(t *testing.T) string {
	out := []byte{}
	for _, r := range []byte(t.Name()) {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			out = append(out, r)
		}
	}
	return string(out[:min(len(out), 50)])
}
