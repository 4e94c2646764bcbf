package pull_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/pull"
	"everleaf/domain"
	"everleaf/ports"
)

// authority signs the certificates of listeners and clients.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	path string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1),
		Subject: pkix.Name{CommonName: "test CA " + rand.Text()}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	return &authority{t, cert, key, path}
}

// issue writes a certificate and its key.
func (a *authority) issue(dir string, template x509.Certificate, usage x509.ExtKeyUsage) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template.SerialNumber, template.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	raw, err := x509.CreateCertificate(rand.Reader, &template, a.cert, key.Public(), a.key)
	require.NoError(a.t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	chain, private := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if dir != "" {
		require.NoError(a.t, os.WriteFile(filepath.Join(dir, "tls.crt"), chain, 0o600))
		require.NoError(a.t, os.WriteFile(filepath.Join(dir, "tls.key"), private, 0o600))
	}
	pair, err := tls.X509KeyPair(chain, private)
	require.NoError(a.t, err)
	return pair
}

func (a *authority) client(name string) *tls.Certificate {
	pair := a.issue("", x509.Certificate{DNSNames: []string{name}}, x509.ExtKeyUsageClientAuth)
	return &pair
}

// seal hides nothing: it shows what was opened.
type seal struct {
	ports.Keys
	fault error
}

func (s seal) Open(_ context.Context, pair ports.SealedPair) ([]byte, error) {
	return append([]byte("opened "), pair.Key.Sealed...), s.fault
}

// rig is a listener on its own database, with one certificate for the target edge and one for none.
type rig struct {
	t      *testing.T
	ca     *authority
	dir    string
	server *pull.Server
	store  struct {
		*postgres.Orders
		*postgres.Certificates
		*postgres.KeyTokens
	}
	events func(string) int
	web    domain.Issued
}

func newRig(t *testing.T, keys ports.Keys) *rig {
	t.Helper()
	pool, _ := postgrestest.New(t)
	r := &rig{t: t, ca: newAuthority(t), dir: t.TempDir()}
	r.store.Orders, r.store.Certificates, r.store.KeyTokens = postgres.NewOrders(pool), postgres.NewCertificates(pool),
		postgres.NewKeyTokens(pool)
	r.events = func(client string) (n int) {
		require.NoError(t, pool.QueryRow(context.Background(),
			`SELECT count(*) FROM events WHERE type = 'exported' AND detail ->> 'by' = $1`, client).Scan(&n))
		return n
	}
	r.web = r.issue("web", "1", "www.example.com", "edge")
	r.issue("private", "1", "private.example.com", "backend")
	r.ca.issue(r.dir, x509.Certificate{DNSNames: []string{"localhost"}}, x509.ExtKeyUsageServerAuth)
	var err error
	r.server, err = pull.New(pull.Config{Listen: "127.0.0.1:0", Certificate: filepath.Join(r.dir, "tls.crt"),
		Key:      filepath.Join(r.dir, "tls.key"),
		ClientCA: r.ca.path, Clients: map[string][]string{"edge": {"edge-1.example", "edge-six.example",
			"spiffe://example/ns/Edge", "urn:example:edge"}, "open": {"*"}}},
		postgres.NewPulls(pool), r.store.KeyTokens, keys, nil)
	require.NoError(t, err)
	require.NoError(t, r.server.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, r.server.Stop(context.Background())) })
	return r
}

// issue puts a version into service.
func (r *rig) issue(name, key, dnsName string, targets ...string) domain.Issued {
	r.t.Helper()
	spec := domain.Spec{Names: []string{dnsName}, Deliveries: targets}.WithDefaults()
	order, err := r.store.OpenOrder(r.t.Context(),
		ports.NewOrder{Certificate: name, Key: key, Issuer: "default", Spec: spec,
			CSR: []byte("csr"), SealedKey: ports.SealedKey{ID: uuid.NewString(), Sealed: []byte("key " + name + key)}})
	require.NoError(r.t, err)
	_, err = r.store.RecordPlaced(r.t.Context(), name, order.ID, "https://ca.example/"+name+key, time.Now())
	require.NoError(r.t, err)
	issued, err := r.store.RecordIssued(r.t.Context(), name, order.ID,
		domain.Issued{Issuer: "default", Names: spec.Names, Serial: key,
			NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}, []byte("chain "+name+key))
	require.NoError(r.t, err)
	return issued
}

// get asks with this client certificate, nil for none; an error is what the handshake said.
func (r *rig) get(client *tls.Certificate, path string, header ...string) (status int, body string, got http.Header,
	err error) {
	r.t.Helper()
	return r.ask(http.MethodGet, client, path, header...)
}

func (r *rig) ask(method string, client *tls.Certificate, path string, header ...string) (status int, body string,
	got http.Header, err error) {
	r.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(r.ca.cert)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	if client != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return client, nil }
	}
	wire := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(r.t.Context(), method, "https://"+r.server.Addr()+path, nil)
	require.NoError(r.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := wire.RoundTrip(request)
	if err != nil {
		return 0, "", nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), response.Header, err
}

func TestClientsGetWhatTheirTargetsMay(t *testing.T) {
	t.Parallel()
	r := newRig(t, seal{})
	edge := r.ca.client("Edge-1.example")
	status, body, header, err := r.get(edge, "/v1/certificates/web")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, "chain web1\nopened key web1", body)
	require.Equal(t, `"`+r.web.Version+`"`, header.Get("ETag"))
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	require.Equal(t, 1, r.events("Edge-1.example"))
	for path, want := range map[string]string{
		"/v1/certificates/web?part=chain": "chain web1", "/v1/certificates/web?part=key": "opened key web1",
		"/v1/sni/WWW.example.com.": "chain web1\nopened key web1",
	} {
		_, body, _, err := r.get(edge, path)
		require.NoError(t, err)
		require.Equal(t, want, body, path)
	}
	require.Equal(t, 1, r.events("Edge-1.example"), "once for each version")
	status, body, _, err = r.get(edge, "/v1/certificates/web", "If-None-Match", `"x", W/"`+r.web.Version+`"`)
	require.NoError(t, err)
	require.Equal(t, 304, status)
	require.Empty(t, body)

	renewed := r.issue("web", "2", "www.example.com", "edge")
	status, body, header, err = r.get(edge, "/v1/certificates/web", "If-None-Match", `"`+r.web.Version+`"`)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, "chain web2\nopened key web2", body, "the new version at once")
	require.Equal(t, `"`+renewed.Version+`"`, header.Get("ETag"))
	_, body, _, err = r.get(edge, "/v1/certificates")
	require.NoError(t, err)
	require.Contains(t, body, `"name":"web","version":"`+renewed.Version+`"`)
	require.NotContains(t, body, "private")
	status, _, _, err = r.get(edge, "/v1/certificates/web?part=all")
	require.NoError(t, err)
	require.Equal(t, 400, status)

	uri, _ := url.Parse("spiffe://example/ns/Edge")
	workload := r.ca.issue("", x509.Certificate{URIs: []*url.URL{uri}}, x509.ExtKeyUsageClientAuth)
	named := r.ca.issue("", x509.Certificate{Subject: pkix.Name{CommonName: "edge-1.example"}},
		x509.ExtKeyUsageClientAuth)
	urn, _ := url.Parse("urn:example:edge")
	opaque := r.ca.issue("", x509.Certificate{URIs: []*url.URL{urn}}, x509.ExtKeyUsageClientAuth)
	for _, other := range []*tls.Certificate{&workload, &named, &opaque} {
		status, _, _, err = r.get(other, "/v1/certificates/web?part=chain")
		require.NoError(t, err)
		require.Equal(t, 200, status)
	}
}

func TestOthersGetNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, seal{})
	edge, stranger := r.ca.client("edge-1.example"), r.ca.client("edge-2.example")
	status, unknown, _, err := r.get(edge, "/v1/certificates/nobody")
	require.NoError(t, err)
	require.Equal(t, 404, status)
	for _, ask := range []struct {
		client *tls.Certificate
		path   string
	}{{edge, "/v1/certificates/private"}, {edge, "/v1/sni/private.example.com"}, {stranger, "/v1/certificates/web"},
		{stranger, "/v1/sni/www.example.com"}} {
		status, body, _, err := r.get(ask.client, ask.path)
		require.NoError(t, err)
		require.Equal(t, 404, status, ask.path)
		require.Equal(t, unknown, body, "nobody learns whether it is there")
	}
	for _, path := range []string{"/v1/certificates", "/v1/certificates/web", "/v1/certificates/nobody",
		"/v1/sni/www.example.com"} {
		status, _, _, err := r.get(nil, path)
		require.NoError(t, err)
		require.Equal(t, 403, status, path)
	}
	expired := r.ca.issue("", x509.Certificate{DNSNames: []string{"edge-1.example"},
		NotAfter: time.Now().Add(-time.Minute)}, x509.ExtKeyUsageClientAuth)
	server := r.ca.issue("", x509.Certificate{DNSNames: []string{"edge-1.example"}}, x509.ExtKeyUsageServerAuth)
	for _, refused := range []*tls.Certificate{newAuthority(t).client("edge-1.example"), &expired, &server} {
		_, _, _, err := r.get(refused, "/v1/certificates/web")
		require.ErrorContains(t, err, "remote error: tls:")
	}
	require.Zero(t, r.events("edge-1.example")+r.events("edge-2.example"))
	lookalike := r.ca.issue("", x509.Certificate{Subject: pkix.Name{CommonName: "ed\u0261e-1.example"}},
		x509.ExtKeyUsageClientAuth)
	folded := r.ca.issue("", x509.Certificate{Subject: pkix.Name{CommonName: "edge-\u017Fix.example"}},
		x509.ExtKeyUsageClientAuth)
	issue := func(template x509.Certificate) *tls.Certificate {
		pair := r.ca.issue("", template, x509.ExtKeyUsageClientAuth)
		return &pair
	}
	workload, _ := url.Parse("spiffe://example/ns/edge")
	looksLikeDNS, _ := url.Parse("edge-1.example")
	// A name counts by its type: what one CA may leave to the client is not what another name vouches for.
	for _, other := range []*tls.Certificate{
		&lookalike, &folded,
		issue(x509.Certificate{Subject: pkix.Name{CommonName: "spiffe://example/ns/Edge"}}),
		issue(x509.Certificate{Subject: pkix.Name{CommonName: "spiffe://example/ns/Edge"}, DNSNames: []string{"other.example"}}),
		issue(x509.Certificate{Subject: pkix.Name{CommonName: "edge-1.example"}, DNSNames: []string{"other.example"}}),
		issue(x509.Certificate{Subject: pkix.Name{CommonName: "edge-1.example"}, EmailAddresses: []string{"a@example.com"}}),
		issue(x509.Certificate{Subject: pkix.Name{CommonName: "edge-1.example"}, IPAddresses: []net.IP{{192, 0, 2, 1}}}),
		issue(x509.Certificate{URIs: []*url.URL{workload}}), // another case
		issue(x509.Certificate{URIs: []*url.URL{looksLikeDNS}}),
	} {
		status, _, _, err := r.get(other, "/v1/sni/www.example.com")
		require.NoError(t, err)
		require.Equal(t, 404, status)
	}
}

// No connection outlives a request, so none outlives its client's certificate or the roots that it was verified
// against.
func TestEachRequestIsVerified(t *testing.T) {
	t.Parallel()
	r := newRig(t, seal{})
	roots := x509.NewCertPool()
	roots.AddCert(r.ca.cert)
	keeps := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost",
		Certificates: []tls.Certificate{*r.ca.client("edge-1.example")}}}
	t.Cleanup(keeps.CloseIdleConnections)
	ask := func() int {
		response, err := (&http.Client{Transport: keeps}).Get("https://" + r.server.Addr() +
			"/v1/certificates/web?part=chain")
		require.NoError(t, err)
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.True(t, response.Close)
		return response.StatusCode
	}
	require.Equal(t, 200, ask())
	other, err := os.ReadFile(newAuthority(t).path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(r.ca.path, append(other, '\n'), 0o600))
	require.Equal(t, 403, ask(), "its CA was taken out, so the client shows no certificate")
}

func TestKeyForAToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, seal{})
	token := base64.RawURLEncoding.EncodeToString([]byte("thirty-two octets of randomness."))
	put := func(secret string) {
		_, err := r.store.PutToken(t.Context(),
			ports.KeyToken{Certificate: "web", Target: "hook", Version: r.web.Version,
				Digest: sha256.Sum256([]byte(secret)), Life: time.Minute})
		require.NoError(t, err)
	}
	put(token)
	for authorization, says := range map[string]string{
		"": "Authorization: Bearer TOKEN", "Bearer": "Authorization: Bearer TOKEN",
		"Bearer ":        "Authorization: Bearer TOKEN",
		"Basic " + token: "Authorization: Bearer TOKEN", token: "Authorization: Bearer TOKEN",
		"Bearer short": "unknown, used or expired", "Bearer " + token[1:] + "x": "unknown, used or expired",
	} {
		status, body, header, err := r.get(nil, "/v1/keys", "Authorization", authorization)
		require.NoError(t, err)
		require.Equal(t, 401, status, authorization)
		require.Contains(t, body, says, authorization)
		require.Contains(t, header.Get("WWW-Authenticate"), "Bearer")
	}
	for _, method := range []string{http.MethodHead, http.MethodPost} { // neither uses the token up
		status, _, header, err := r.ask(method, nil, "/v1/keys", "Authorization", "Bearer "+token)
		require.NoError(t, err)
		require.Equal(t, 405, status, method)
		require.Equal(t, "GET", header.Get("Allow"), method)
	}
	status, body, header, err := r.get(nil, "/v1/keys", "Authorization", "Bearer "+token)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, "opened key web1", body)
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	require.Equal(t, 1, r.events("hook"))
	status, _, _, err = r.get(nil, "/v1/keys", "Authorization", "Bearer "+token)
	require.NoError(t, err)
	require.Equal(t, 401, status, "once")
}

func TestClientsSeeNoFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault  error
		status int
	}{
		{domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "what only the operator may know"), 500},
		{domain.NewFault(domain.FaultWait, "SealingUnavailable", nil, "what only the operator may know"), 503},
	} {
		r := newRig(t, seal{fault: c.fault})
		edge := r.ca.client("edge-1.example")
		status, body, header, err := r.get(edge, "/v1/certificates/web")
		require.NoError(t, err)
		require.Equal(t, c.status, status)
		require.NotContains(t, body, "operator may know")
		require.Empty(t, header.Get("ETag"))
		require.Equal(t, c.status == 503, header.Get("Retry-After") != "")
		require.Equal(t, 1, r.events("edge-1.example"), "noted before the key is opened")
		status, _, _, err = r.get(edge, "/v1/certificates/web?part=chain")
		require.NoError(t, err)
		require.Equal(t, 200, status)
	}
}

func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, seal{})
	edge := r.ca.client("edge-1.example")
	detail, err := r.server.Readiness(t.Context())
	require.NoError(t, err)
	require.Contains(t, detail, "answers at "+r.server.Addr())
	key := filepath.Join(r.dir, "tls.key")
	require.NoError(t, os.WriteFile(key, []byte("half of a change"), 0o600))
	status, _, _, err := r.get(edge, "/v1/certificates")
	require.NoError(t, err)
	require.Equal(t, 200, status, "the files that it had")

	r.ca = newAuthority(t)
	r.ca.issue(r.dir, x509.Certificate{DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(-time.Second)},
		x509.ExtKeyUsageServerAuth)
	_, _, _, err = r.get(edge, "/v1/certificates")
	require.ErrorContains(t, err, "expired", "the new one, without a restart")
	_, err = r.server.Readiness(t.Context())
	require.EqualValues(t, "PullCertificateExpired", domain.AsFault(err).Reason)
}
