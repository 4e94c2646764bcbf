package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
)

// One certificate goes to a receiver that fetches its key, to one that decrypts it, and to clients that pull it; then
// it is renewed.
func TestWebhooksAndPulls(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	pki := newMeshCA(t)
	listener := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	hooks := newReceiver(t, pki, identity)
	s.configure(hooks, listener, pki, identity.Recipient().String())
	s.worker()

	first := status(t, s.must("cert", "ensure", s.name, "--name", "hook.example.test", "--deliver", "hook",
		"--deliver", "sealed",
		"--deliver", "edge", "--output", "json"))
	s.confirmed(first.Issued.Version)
	fetched := hooks.all("/hook/" + s.name)
	require.Len(t, fetched, 3, "503, 503, and then confirmed")
	require.Equal(t, fetched[0].id, fetched[2].id, "one delivery, however often it is tried")
	require.NotEqual(t, fetched[0].token, fetched[2].token, "each try has its own token")
	require.Len(t, hooks.all("/sealed"), 1, "who has confirmed is not asked again")
	for _, got := range []received{fetched[2], hooks.all("/sealed")[0]} {
		_, err := tls.X509KeyPair([]byte(got.chain), []byte(got.key))
		require.NoError(t, err, "the key is the certificate's")
	}
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM events WHERE type = 'exported' AND detail ->> 'by' = 'hook'`))

	edge := pki.issue("edge.example.test", x509.ExtKeyUsageClientAuth)
	foreign := newMeshCA(t).issue("edge.example.test", x509.ExtKeyUsageClientAuth)
	other := s.name + "-other"
	s.must("cert", "ensure", other, "--name", "other.example.test")
	for _, path := range []string{"/v1/certificates/" + s.name, "/v1/sni/hook.example.test"} {
		code, body, tag := pki.pull(listener, path, &edge, "")
		require.Equal(t, 200, code, s.log)
		require.Equal(t, `"`+first.Issued.Version+`"`, tag)
		_, err = tls.X509KeyPair([]byte(body), []byte(body))
		require.NoError(t, err)
		code, _, _ = pki.pull(listener, path, &edge, tag)
		require.Equal(t, http.StatusNotModified, code)
		code, _, _ = pki.pull(listener, path, nil, "")
		require.Equal(t, http.StatusForbidden, code)
		code, _, _ = pki.pull(listener, path, &foreign, "")
		require.Zero(t, code, "no handshake")
	}
	for _, path := range []string{"/v1/certificates/" + other, "/v1/sni/other.example.test"} {
		code, _, _ := pki.pull(listener, path, &edge, "")
		require.Equal(t, http.StatusNotFound, code, "it names no target of this client's")
	}

	renewed := status(t, s.must("cert", "renew", s.name, "--output", "json"))
	require.NotEqual(t, first.Issued.Version, renewed.Issued.Version)
	code, _, tag := pki.pull(listener, "/v1/sni/hook.example.test", &edge, `"`+first.Issued.Version+`"`)
	require.Equal(t, 200, code)
	require.Equal(t, `"`+renewed.Issued.Version+`"`, tag)
	s.confirmed(renewed.Issued.Version)
	require.Len(t, hooks.all("/hook/"+s.name), 4)
	require.Len(t, hooks.all("/sealed"), 2)
	for _, got := range append(hooks.all("/hook/"+s.name), hooks.all("/sealed")...) {
		require.NotContains(t, s.log.String(), got.secret(), "no token in the log")
	}

	// Taken out of the spec and named again, the same version is another message, and the last in order.
	hook := "/hook/" + s.name
	s.must("cert", "change", s.name, "--remove-target", "hook")
	s.eventually("the removal", func() bool { return len(hooks.all(hook)) == 5 })
	s.must("cert", "change", s.name, "--deliver", "hook")
	s.eventually("the version once more", func() bool { return len(hooks.all(hook)) == 6 })
	s.confirmed(renewed.Issued.Version)
	sent := hooks.all(hook)
	require.Equal(t, "certificate.removed", sent[4].kind)
	require.Equal(t, sent[3].chain, sent[5].chain)
	require.NotEqual(t, sent[3].id, sent[5].id)
	require.Equal(t, sent[0].sequence, sent[2].sequence, "each try alike")
	for i := 2; i < 5; i++ {
		require.Greater(t, sent[i+1].sequence, sent[i].sequence, "%s after %s", sent[i+1].kind, sent[i].kind)
	}
}

// confirmed waits until every target has the version.
func (s *stack) confirmed(version string) {
	s.t.Helper()
	s.eventually("the targets to confirm", func() bool {
		return s.scalar(`SELECT count(*) FROM deliveries WHERE version = $1::uuid AND failure IS NULL`, version) == 3
	})
}

// configure has the worker read its CA and targets from a file.
func (s *stack) configure(hooks *receiver, listener string, pki *meshCA, recipient string) {
	s.t.Helper()
	dir := s.t.TempDir()
	pair := pki.issue("localhost", x509.ExtKeyUsageServerAuth)
	certificate, key := filepath.Join(dir, "pull.crt"), filepath.Join(dir, "pull.key")
	require.NoError(s.t, os.WriteFile(certificate, pair.chain, 0o600))
	require.NoError(s.t, os.WriteFile(key, pair.key, 0o600))
	webhook := map[string]any{"secret": "${EVERLEAF_E2E_HOOK}", "caBundle": pki.path}
	with := func(more map[string]any) map[string]any {
		for field, value := range webhook {
			more[field] = value
		}
		return more
	}
	file, err := json.Marshal(map[string]any{ // YAML, too
		"issuers": []any{map[string]any{"name": "default", "directory": s.proxy.Directory,
			"caBundle": s.proxy.CABundle}},
		"targets": []any{
			map[string]any{"name": "hook", "webhook": with(map[string]any{"url": hooks.url + "/hook/{name}",
				"tokenURL": "https://" + listener})},
			map[string]any{"name": "sealed", "webhook": with(map[string]any{"url": hooks.url + "/sealed",
				"key": "encrypted", "recipient": recipient})},
			map[string]any{"name": "edge", "pull": map[string]any{"clients": []string{"edge.example.test"}}},
		},
	})
	require.NoError(s.t, err)
	path := filepath.Join(dir, "everleaf.yaml")
	require.NoError(s.t, os.WriteFile(path, file, 0o600))
	for _, inFile := range []string{"EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_EMAIL"} {
		s.set(inFile, "")
	}
	s.set("EVERLEAF_E2E_HOOK", hooks.signing)
	s.set("EVERLEAF_CONFIG", path)
	s.set("EVERLEAF_PULL_LISTEN", listener)
	s.set("EVERLEAF_PULL_CERTIFICATE", certificate)
	s.set("EVERLEAF_PULL_KEY", key)
	s.set("EVERLEAF_PULL_CLIENT_CA", pki.path)
}

// received is what a receiver got, with the key that it made of it.
type received struct {
	path, id, kind, token, chain, key string
	sequence                          int64
}

// secret is what must not be seen anywhere else.
func (r received) secret() string {
	if r.token != "" {
		return r.token
	}
	return strings.Split(r.key, "\n")[1]
}

// receiver checks each signature with the library. It refuses the first two requests under /hook/.
type receiver struct {
	t            *testing.T
	pki          *meshCA
	identity     age.Identity
	url, signing string

	mu  sync.Mutex
	got []received
}

func newReceiver(t *testing.T, pki *meshCA, identity age.Identity) *receiver {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	r := &receiver{t: t, pki: pki, identity: identity, signing: "whsec_" + base64.StdEncoding.EncodeToString(secret)}
	server := httptest.NewUnstartedServer(r)
	pair := pki.issue("localhost", x509.ExtKeyUsageServerAuth)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair.pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	verifier, err := standardwebhooks.NewWebhook(r.signing)
	if err == nil {
		err = verifier.Verify(body, request.Header)
	}
	var event struct {
		Type string
		Data struct {
			ChainPEM string
			Sequence int64
			Key      struct{ Transport, URL, Token, Age string }
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	if err != nil || event.Type != "certificate.issued" && event.Type != "certificate.removed" {
		r.t.Errorf("%s: %v", event.Type, err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	key := event.Data.Key
	got := received{path: request.URL.Path, id: request.Header.Get("webhook-id"), kind: event.Type, token: key.Token,
		chain: event.Data.ChainPEM, sequence: event.Data.Sequence}
	switch {
	case key.Transport == "token" && len(r.all(got.path)) < 2:
		w.WriteHeader(http.StatusServiceUnavailable)
	case key.Transport == "token":
		code, text := r.pki.fetch(key.URL, key.Token)
		again, _ := r.pki.fetch(key.URL, key.Token)
		if got.key = text; code != 200 || again != http.StatusUnauthorized {
			r.t.Errorf("the key: %d, and again: %d", code, again)
		}
	case key.Transport == "encrypted":
		plain, err := age.Decrypt(armor.NewReader(strings.NewReader(key.Age)), r.identity)
		if err != nil {
			r.t.Error(err)
			break
		}
		text, _ := io.ReadAll(plain)
		got.key = string(text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, got)
}

// all are the requests that had this path.
func (r *receiver) all(path string) (got []received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.got {
		if one.path == path {
			got = append(got, one)
		}
	}
	return got
}

// meshCA signs the certificates of listeners and clients, not those that Everleaf keeps.
type meshCA struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	path string
}

// meshPair is a certificate of a meshCA.
type meshPair struct {
	chain, key []byte
	pair       tls.Certificate
}

func newMeshCA(t *testing.T) *meshCA {
	t.Helper()
	c := &meshCA{t: t, path: filepath.Join(t.TempDir(), "mesh-ca.pem")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mesh " + rand.Text()},
		IsCA:                  true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour)}
	var err error
	c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	raw, err := x509.CreateCertificate(rand.Reader, template, template, c.key.Public(), c.key)
	require.NoError(t, err)
	c.cert, err = x509.ParseCertificate(raw)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	return c
}

func (c *meshCA) issue(name string, usage x509.ExtKeyUsage) (p meshPair) {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(c.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name},
		IPAddresses: loopback,
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key)
	require.NoError(c.t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(c.t, err)
	p.chain = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	p.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	p.pair, err = tls.X509KeyPair(p.chain, p.key)
	require.NoError(c.t, err)
	return p
}

// pull asks the pull listener; the code is 0 where there was no handshake.
func (c *meshCA) pull(listener, path string, client *meshPair, ifNoneMatch string) (code int, body, tag string) {
	config := &tls.Config{}
	if client != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate,
			error) {
			return &client.pair, nil
		}
	}
	code, body, header := c.get(config, "https://"+listener+path, "If-None-Match", ifNoneMatch)
	return code, body, header.Get("ETag")
}

// fetch asks for a key as the receiver of a webhook does: with a token, without a client certificate.
func (c *meshCA) fetch(url, token string) (code int, body string) {
	code, body, _ = c.get(&tls.Config{}, url, "Authorization", "Bearer "+token)
	return code, body
}

func (c *meshCA) get(config *tls.Config, url, header, value string) (code int, body string, got http.Header) {
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AddCert(c.cert)
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		c.t.Error(err)
		return 0, "", nil
	}
	request.Header.Set(header, value)
	response, err := (&http.Transport{TLSClientConfig: config, DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return 0, "", nil
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Error(err)
	}
	return response.StatusCode, string(content), response.Header
}

var loopback = []net.IP{net.IPv4(127, 0, 0, 1)}
