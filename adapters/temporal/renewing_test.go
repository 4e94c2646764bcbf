package temporal

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// asked is a server that notes who asks.
type asked struct {
	workflowservice.UnimplementedWorkflowServiceServer
	mu          sync.Mutex
	key, client string
}

func (a *asked) GetSystemInfo(ctx context.Context,
	_ *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.key, a.client = "", ""
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		a.key = values[0]
	}
	if from, ok := peer.FromContext(ctx); ok {
		if info, ok := from.AuthInfo.(credentials.TLSInfo); ok {
			a.client = info.State.PeerCertificates[0].Subject.CommonName
		}
	}
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

// seen is what the server notes of a client with these options.
func (a *asked) seen(t *testing.T, options client.Options) (key, name string) {
	t.Helper()
	c, err := client.NewLazyClient(options)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.WorkflowService().GetSystemInfo(bounded(t, time.Minute), &workflowservice.GetSystemInfoRequest{})
	require.NoError(t, err)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.key, a.client
}

// An API key that its file no longer holds is not sent for longer than keyLife.
func TestAnAPIKeyIsReadAgain(t *testing.T) {
	clean(t)
	server := &asked{}
	options, err := Options(Settings{Address: serve(t, server), APIKey: "first", TLS: "false",
		RereadAPIKey: func() (string, error) { return "second", nil }})
	require.NoError(t, err)
	key, _ := server.seen(t, options)
	require.Equal(t, "Bearer second", key)

	synctest.Test(t, func(t *testing.T) {
		now, problem := "one", error(nil)
		k := &renewedKey{last: "zero", reread: func() (string, error) { return now, problem }}
		current := func() string {
			key, err := k.current(t.Context())
			require.NoError(t, err)
			return key
		}
		require.Equal(t, "one", current())
		now = "two"
		require.Equal(t, "one", current())
		time.Sleep(keyLife)
		require.Equal(t, "two", current())
		now, problem = "", errors.New("the file is being replaced")
		time.Sleep(keyLife)
		require.Equal(t, "two", current())
	})
}

// A client certificate that was renewed in its files is shown by the next connection; half of a change leaves the former.
func TestAClientCertificateIsReadAgain(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	at := func(file string) string { return filepath.Join(dir, file) }
	pair, roots := selfSigned(t, "server")
	require.NoError(t, os.WriteFile(at("ca.pem"), roots, 0o600))
	server := &asked{}
	address := serve(t, server, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAnyClientCert})))
	renew := func(name string) {
		t.Helper()
		pair, certificate := selfSigned(t, name)
		der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(at("tls.crt"), certificate, 0o600))
		require.NoError(t, os.WriteFile(at("tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	}
	renew("first")
	options, err := Options(Settings{Address: address, ClientCertPath: at("tls.crt"), ClientKeyPath: at("tls.key"),
		ServerCACertPath: at("ca.pem"), ServerName: "server"})
	require.NoError(t, err)
	_, name := server.seen(t, options)
	require.Equal(t, "first", name)
	renew("second")
	_, name = server.seen(t, options)
	require.Equal(t, "second", name)
	require.NoError(t, os.WriteFile(at("tls.crt"), []byte("half of"), 0o600))
	_, name = server.seen(t, options)
	require.Equal(t, "second", name)
}

// selfSigned is a certificate that signs itself, with its PEM.
func selfSigned(t *testing.T, name string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
