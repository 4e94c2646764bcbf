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
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
	"everleaf/ports"
)

// A process of the role pull alone needs Postgres and the sealing key, and no Temporal.
func TestPullAloneServesKeys(t *testing.T) {
	t.Parallel()
	config, logged := settings(t), &log{}
	config.Roles, config.StartTimeout = []Role{RolePull}, 20*time.Second
	pool, url := postgrestest.New(t)
	config.Postgres.URL = url
	config.Pull = pullAt("127.0.0.1:0")
	config.Pull.Certificate, config.Pull.Key = selfSigned(t)

	keeper, err := openSealing(t.Context(), config.Sealing)
	require.NoError(t, err)
	chain, private := readFile(t, config.Pull.Certificate), readFile(t, config.Pull.Key) // any pair does
	key := ports.SealedKey{ID: uuid.NewString()}
	key.Sealed, err = keeper.Seal(t.Context(), domain.CertificateKeyPlace("web", key.ID), private)
	require.NoError(t, err)
	orders := postgres.NewOrders(pool)
	order, err := orders.OpenOrder(t.Context(), ports.NewOrder{Certificate: "web", Key: "1", Issuer: "default",
		Spec: domain.Spec{Names: []string{"www.example.com"}}.WithDefaults(), SealedKey: key, CSR: []byte("csr")})
	require.NoError(t, err)
	_, err = orders.RecordPlaced(t.Context(), "web", order.ID, "https://ca.example/1", time.Now())
	require.NoError(t, err)
	issued, err := postgres.NewCertificates(pool).RecordIssued(t.Context(), "web", order.ID,
		domain.Issued{Issuer: "default",
			Names: []string{"www.example.com"}, NotAfter: time.Now().Add(time.Hour)}, chain)
	require.NoError(t, err)
	token := base64.RawURLEncoding.EncodeToString([]byte("thirty-two octets of randomness."))
	_, err = postgres.NewKeyTokens(pool).PutToken(t.Context(), ports.KeyToken{Certificate: "web", Target: "hook",
		Version: issued.Version, Digest: sha256.Sum256([]byte(token)), Life: time.Minute})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- RunWorker(ctx, config, NewLogger(logged, Log{Format: "json", Level: slog.LevelDebug}))
	}()
	listens := regexp.MustCompile(`"listener started","role":"pull","listen":"([^"]+)"`)
	require.Eventually(t, func() bool { return listens.MatchString(logged.String()) }, 30*time.Second,
		20*time.Millisecond, "%s", logged)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"https://"+listens.FindStringSubmatch(logged.String())[1]+"/v1/keys", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	wire := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: rootsOf(t, config.Pull.Certificate),
		ServerName: "localhost"}, DisableKeepAlives: true}
	response, err := wire.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, string(private), string(body))

	cancel()
	require.NoError(t, <-ended)
	require.Contains(t, logged.String(), `"msg":"pull answered","route":"/v1/keys"`)
	require.NotContains(t, logged.String(), token)
	require.NotContains(t, logged.String(), "PRIVATE KEY")
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

// selfSigned writes a listener's certificate and key.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true,
		BasicConstraintsValid: true,
		NotBefore:             time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}),
		0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return certificate, key
}

func rootsOf(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	bundle, err := os.ReadFile(path)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(bundle))
	return roots
}
