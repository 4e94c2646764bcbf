package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/activities/activitytest"
	"everleaf/adapters/activities/delivering"
	"everleaf/adapters/activities/issuing"
	"everleaf/adapters/delivery"
	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/pull"
	"everleaf/adapters/sealing"
	"everleaf/adapters/system"
	"everleaf/domain"
	"everleaf/ports"
)

// doors are the places where a stored key leaves or is used, each as it is in a worker: on a real Postgres, a real
// sealing key, a directory and Pebble.
type doors struct {
	*testing.T
	pool     *pgxpool.Pool
	keeper   *sealing.Keeper
	stranger *sealing.Keeper // a master key that nobody has any more
	keys     *sealing.Keys
	ca       *acmetest.Boulder
	env      *testsuite.TestActivityEnvironment
	progress *atomic.Value // the last heartbeat's
	pulls    *pull.Server
	logged   *log
	client   *http.Client
	dir      string
}

func openDoors(t *testing.T) *doors {
	t.Helper()
	d := &doors{T: t, env: activitytest.Env(nil), progress: &atomic.Value{}, logged: &log{}, dir: t.TempDir()}
	d.pool, _ = postgrestest.New(t)
	var err error
	for _, keeper := range []**sealing.Keeper{&d.keeper, &d.stranger} {
		*keeper, err = openSealing(t.Context(), settings(t).Sealing)
		require.NoError(t, err)
	}
	d.keys = sealing.NewKeys(d.keeper)

	tokens := postgres.NewHTTPTokens(d.pool)
	responder := http01.NewResponder(http01.Config{Listen: "127.0.0.1:0"}, tokens, nil)
	require.NoError(t, responder.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, responder.Stop(context.Background())) })
	_, port, err := net.SplitHostPort(responder.Addr())
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	pebble := acmetest.Start(t, acmetest.Options{HTTPPort: number, Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	d.ca = acmetest.NewBoulder(t, pebble)
	ca, err := acme.New(acme.Config{Issuer: domain.DefaultIssuer, Directory: d.ca.Directory, CABundle: d.ca.CABundle},
		postgres.NewAccounts(d.pool), d.keeper, nil)
	require.NoError(t, err)
	issues := issuing.New(issuing.Params{Orders: postgres.NewOrders(d.pool),
		Certificates: postgres.NewCertificates(d.pool), Deliveries: postgres.NewDeliveries(d.pool),
		Validations: postgres.NewValidations(d.pool), Issuers: acme.NewIssuers(ca),
		Solvers: []ports.Solver{http01.NewSolver(http01.Config{CheckPort: number, Resolver: pebble.DNS,
			Allow: acmetest.Loopback}, tokens)},
		Keys: d.keys, Clock: system.Clock{}, Rand: system.Rand{}, Observer: activitytest.Unobserved{},
		Processes: postgres.NewProcesses(d.pool)})
	issuing.RegisterShort(d.env, issues)
	issuing.RegisterLong(d.env, issues)
	d.env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var progress map[string]any
		if details.Get(&progress) == nil {
			d.progress.Store(progress)
		}
	})
	targets, err := delivery.New([]delivery.Config{{Name: "files",
		Directory: &delivery.Directory{Path: filepath.Join(d.dir, "{name}")}}}, delivery.Deps{})
	require.NoError(t, err)
	delivering.Register(d.env, delivering.New(delivering.Params{Deliveries: postgres.NewDeliveries(d.pool),
		Targets: targets, Keys: d.keys, Processes: postgres.NewProcesses(d.pool), Clock: system.Clock{},
		Observer: activitytest.Unobserved{}}))
	d.listen()
	return d
}

// listen serves pulls. One certificate does for the listener, its client and their CA.
func (d *doors) listen() {
	d.Helper()
	config := pullAt("127.0.0.1:0")
	config.Certificate, config.Key = selfSigned(d.T)
	config.ClientCA, config.Clients = config.Certificate, map[string][]string{"files": {"localhost"}}
	var err error
	d.pulls, err = pull.New(config, postgres.NewPulls(d.pool), postgres.NewKeyTokens(d.pool), d.keys,
		NewLogger(d.logged, Log{Format: "json"}))
	require.NoError(d, err)
	require.NoError(d, d.pulls.Start(d.Context()))
	d.Cleanup(func() { require.NoError(d, d.pulls.Stop(context.Background())) })
	pair, err := tls.LoadX509KeyPair(config.Certificate, config.Key)
	require.NoError(d, err)
	d.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		RootCAs: rootsOf(d.T, config.Certificate), ServerName: "localhost", Certificates: []tls.Certificate{pair}}}}
}

// put stores a version as an issuance does, signed by nobody in particular.
func (d *doors) put(name string) (version string) {
	d.Helper()
	spec := placesSpec(name)
	key, csr, err := d.keys.Create(d.Context(), name, spec.KeyType, spec.Names)
	require.NoError(d, err)
	request, err := x509.ParseCertificateRequest(csr)
	require.NoError(d, err)
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(d, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: spec.Names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, request.PublicKey, signer)
	require.NoError(d, err)
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	orders := postgres.NewOrders(d.pool)
	order, err := orders.OpenOrder(d.Context(), ports.NewOrder{Certificate: name, Key: rand.Text(),
		Issuer: domain.DefaultIssuer, Spec: spec, SealedKey: key, CSR: csr})
	require.NoError(d, err)
	_, err = orders.RecordPlaced(d.Context(), name, order.ID, "https://ca.example/"+order.ID, time.Now().Add(time.Hour))
	require.NoError(d, err)
	issued, err := postgres.NewCertificates(d.pool).RecordIssued(d.Context(), name, order.ID,
		domain.Issued{Issuer: domain.DefaultIssuer, Names: spec.Names, Serial: fmt.Sprintf("%x", template.SerialNumber),
			NotBefore: template.NotBefore, NotAfter: template.NotAfter}, chain)
	require.NoError(d, err)
	return issued.Version
}

func placesSpec(name string) domain.Spec {
	return domain.Spec{Names: []string{name + ".example.test"}, Deliveries: []string{"files"},
		KeyRotation: domain.RotateNever}.WithDefaults()
}

func (d *doors) deliver(name, version string) error {
	_, err := activitytest.Call(d, d.env, ports.DeliverCertificate,
		ports.DeliverCertificateInput{Certificate: name, Target: "files", Version: version})
	return err
}

// delivered is the pair at the target, nil if there is nothing.
func (d *doors) delivered(name string) *tls.Certificate {
	dir := filepath.Join(d.dir, name)
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	require.NoError(d, err)
	return &pair
}

// get asks the pull listener, by the client's certificate or by a token.
func (d *doors) get(path, token string) (status int, body string) {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), http.MethodGet, "https://"+d.pulls.Addr()+path, nil)
	require.NoError(d, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := d.client.Do(request)
	require.NoError(d, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(d, err)
	return response.StatusCode, string(content)
}

// token is one that a webhook has got for the version.
func (d *doors) token(name, version string) string {
	d.Helper()
	octets := make([]byte, 32)
	_, _ = rand.Read(octets)
	token := base64.RawURLEncoding.EncodeToString(octets)
	_, err := postgres.NewKeyTokens(d.pool).PutToken(d.Context(), ports.KeyToken{Certificate: name, Target: "hook",
		Version: version, Digest: sha256.Sum256([]byte(token)), Life: time.Minute})
	require.NoError(d, err)
	return token
}

// revoke asks the CA to revoke the version, by its own key.
func (d *doors) revoke(name, version string) error {
	d.Helper()
	_, err := postgres.NewCertificates(d.pool).RecordRequest(d.Context(), name, ports.StoredRequest{Version: version,
		Request: domain.Request{ID: rand.Text(), Kind: domain.RequestRevoke, At: time.Now(),
			Reason: domain.RevokedSuperseded, SignedBy: domain.SignedByCertificateKey, WithoutReplacement: true}})
	require.NoError(d, err)
	_, err = activitytest.Call(d, d.env, ports.RevokeCertificate,
		ports.RevokeCertificateInput{Certificate: name, Version: version})
	return err
}

// renew obtains a certificate in the version's place.
func (d *doors) renew(name, version string) (renewed string) {
	d.Helper()
	d.progress.Store(map[string]any{})
	for {
		d.env.SetHeartbeatDetails(d.progress.Load())
		out, err := activitytest.Call(d, d.env, ports.ObtainCertificate,
			ports.ObtainCertificateInput{Certificate: name, Spec: placesSpec(name), Replaces: version})
		if err == nil {
			require.NotNil(d, out.Record.Issued)
			return out.Record.Issued.Version
		}
		application, _ := activitytest.FaultIn(d, err)
		require.Equal(d, temporal.ApplicationErrorCategoryBenign, application.Category(), err.Error())
		time.Sleep(application.NextRetryDelay()) // Temporal's timer
	}
}

func (d *doors) text(query string, args ...any) (found string) {
	d.Helper()
	require.NoError(d, d.pool.QueryRow(d.Context(), query, args...).Scan(&found))
	return found
}
