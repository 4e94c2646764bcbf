package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// One life end to end: migrated, ensured, served, renewed by its own timer, renewed by hand, exported, listed; and no
// secret in anything that was written down on the way.
func TestOneLife(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, minute)
	s.renewsSoon(1)
	s.set("EVERLEAF_LOG_LEVEL", "debug") // the most that is ever written down
	s.must("migrate")
	w := s.worker()

	first := status(t, s.must("cert", "ensure", s.name, "--name", "life.example.test", "--name",
		"www.life.example.test",
		"--output", "json"))
	require.NotNil(t, first.Issued)
	require.ElementsMatch(t, []string{"life.example.test", "www.life.example.test"}, first.Issued.Names)
	require.NotNil(t, first.Renewal)
	require.True(t, first.Renewal.At.Before(first.Issued.NotAfter), "renewed before it runs out")
	dir := s.export()
	s.serves(dir, "www.life.example.test")

	s.eventually("the renewal by its own timer", func() bool {
		now := status(t, s.must("cert", "status", s.name, "--output", "json"))
		return now.Issued.Serial != first.Issued.Serial
	})
	renewed := status(t, s.must("cert", "renew", s.name, "--note", "by hand", "--output", "json"))
	require.GreaterOrEqual(t, renewed.Cycle, 2)
	require.NotEqual(t, first.Issued.Serial, renewed.Issued.Serial)
	s.serves(s.export(), "life.example.test")
	require.Contains(t, s.must("cert", "list").stdout, s.name)
	again := status(t, s.must("cert", "ensure", s.name, "--name", "www.life.example.test", "--name",
		"life.example.test",
		"--output", "json"))
	require.GreaterOrEqual(t, again.Cycle, renewed.Cycle, "ensure is idempotent: nothing was issued for it")

	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM http_tokens`), "tokens left in Postgres")
	w.stop()
	s.requireNoSecrets(dir)
}

// export writes the key files and checks them as a web server would find them.
func (s *stack) export() string {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "tls")
	s.must("cert", "export", s.name, "--dir", dir)
	info, err := os.Stat(filepath.Join(dir, "tls.key"))
	require.NoError(s.t, err)
	require.Equal(s.t, os.FileMode(0o600), info.Mode().Perm())
	return dir
}

// serves does a TLS handshake with the exported files, verified against the CA's root, and asks openssl as well.
func (s *stack) serves(dir, name string) {
	s.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	require.NoError(s.t, err)
	roots := x509.NewCertPool()
	require.True(s.t, roots.AppendCertsFromPEM(s.ca.RootPEM()))
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	go func() { _ = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake() }()
	require.NoError(s.t, tls.Client(client, &tls.Config{ServerName: name, RootCAs: roots}).Handshake())

	root := filepath.Join(dir, "root.pem")
	require.NoError(s.t, os.WriteFile(root, s.ca.RootPEM(), 0o600))
	out, err := exec.Command("openssl", "verify", "-CAfile", root, "-untrusted", filepath.Join(dir, "tls.crt"),
		"-verify_hostname", name, filepath.Join(dir, "tls.crt")).CombinedOutput()
	require.NoError(s.t, err, "openssl: %s", out)
	fromKey, err := exec.Command("openssl", "pkey", "-in", filepath.Join(dir, "tls.key"), "-pubout").Output()
	require.NoError(s.t, err)
	fromCert, err := exec.Command("openssl", "x509", "-in", filepath.Join(dir, "tls.crt"), "-noout", "-pubkey").Output()
	require.NoError(s.t, err)
	require.Equal(s.t, string(fromCert), string(fromKey), "the key is the certificate's")
}

// Any SDK may start a certificate without an update. A spec that can never be fulfilled fails the workflow, which has
// nobody else to answer to, and leaves nothing behind; Ensure begins again.
func TestPlainStartWithABadSpecFails(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run, err := s.temporal.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: ports.WorkflowID(s.name), TaskQueue: s.queue},
		ports.CertificateWorkflow, map[string]any{"spec": map[string]any{"names": []string{"bad_name.example.test"}}})
	require.NoError(t, err)
	require.ErrorContains(t, run.Get(ctx, nil), "bad_name.example.test")
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates`))
	answer := s.cli("cert", "status", s.name)
	answer.exits(t, 1)
	require.Contains(t, answer.stderr, "the last request for it was refused")
	require.Zero(t, s.proxy.count(pathNewOrder), "nothing reached the CA")
	got := status(t, s.must("cert", "ensure", s.name, "--name", "good-name.example.test", "--output", "json"))
	require.NotNil(t, got.Issued)
}
