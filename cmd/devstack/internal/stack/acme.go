package stack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

// acme is where the ACME CA and what it needs are.
type acme struct {
	directory  string
	management string
	caFile     string
	http01     string
	ops        string
	http01Port int
	dns        string
	// dnsManagement is where challtestsrv takes records; empty if the name server is another.
	dnsManagement string
	// tsig is the key that lets records be put into Zone; empty without such a zone.
	tsig  string
	roots *x509.CertPool
}

// email is the contact of the stack's account.
const email = "operator@example.test"

// DemoLife is how long a certificate of the profile "demo" is valid.
const DemoLife = 120 * time.Second

// DNS are the programs of the DNS server that the CA and our own check of a challenge ask: Challtestsrv, in which every
// name's address is 127.0.0.1, or Named where it is given, which has a zone for DNS-01 besides.
type DNS struct{ Challtestsrv, Named string }

// Pebble starts the ACME CA and its DNS server. HTTP-01 is validated for real, on the port where the worker's responder
// is going to listen.
func (s *Stack) Pebble(ctx context.Context, pebble string, server DNS) error {
	begin := time.Now()
	var listen, management, dns, dnsManagement, http01, ops, tlsalpn int
	for p, usual := range map[*int]int{&listen: 14000, &management: 15000, &dns: 8053, &dnsManagement: 8055,
		&http01: 5002,
		&ops:    8401, &tlsalpn: 5001} {
		port, err := s.ports.pick(usual)
		if err != nil {
			return err
		}
		*p = port
	}
	s.ports.release()
	s.acme = acme{directory: "https://" + hostPort(listen) + "/dir", management: "https://" + hostPort(management),
		caFile: s.path("pebble-tls-ca.pem"), http01: hostPort(http01), http01Port: http01, ops: hostPort(ops),
		dns: hostPort(dns)}
	certFile, keyFile := s.path("pebble-tls.pem"), s.path("pebble-tls.key")
	var err error
	if s.acme.roots, err = serverCertificate(s.acme.caFile, certFile, keyFile); err != nil {
		return err
	}
	config, err := json.MarshalIndent(map[string]any{"pebble": map[string]any{
		"listenAddress": hostPort(listen), "managementListenAddress": hostPort(management),
		"httpPort": http01, "tlsPort": tlsalpn, "certificate": certFile, "privateKey": keyFile, "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		// One only: Pebble draws one by lot for an order that names none.
		"profiles": map[string]any{"demo": profile("two minutes, so that a renewal can be watched", DemoLife)},
	}}, "", "  ")
	if err != nil {
		return fmt.Errorf("write Pebble's configuration: %w", err)
	}
	if err := os.WriteFile(s.path("pebble.json"), config, 0o600); err != nil {
		return fmt.Errorf("write Pebble's configuration: %w", err)
	}

	if server.Named != "" {
		err = s.named(ctx, server.Named, dns)
	} else {
		s.acme.dnsManagement = hostPort(dnsManagement)
		err = s.challtestsrv(ctx, server.Challtestsrv)
	}
	if err != nil {
		return err
	}
	spec := proc.Spec{Name: "Pebble", Path: pebble, Dir: s.Dir, Env: append(cleanEnv(), "PEBBLE_VA_NOSLEEP=1"),
		Args: []string{"-config", s.path("pebble.json"), "-dnsserver", s.acme.dns}}
	err = s.service(ctx, &part{spec: spec, ready: s.pebbleReady,
		forgets: ". It keeps nothing: accounts and orders are " +
			"forgotten, and it issues under a new root. Everleaf registers again by itself"})
	if err != nil {
		return err
	}
	s.Say("Pebble (CA)     %s (%s)", s.acme.directory, s.Took("DNS and CA", begin, time.Now()))
	return nil
}

func profile(description string, life time.Duration) map[string]any {
	return map[string]any{"description": description, "validityPeriod": int(life.Seconds())}
}

func (s *Stack) pebbleReady(ctx context.Context) error {
	if _, err := s.request(ctx, http.MethodGet, s.acme.directory, nil); err != nil {
		return err
	}
	_, err := s.IssuingRoot(ctx)
	return err
}

// IssuingRoot is the root under which Pebble issues, in PEM: a new one each time that Pebble starts.
func (s *Stack) IssuingRoot(ctx context.Context) ([]byte, error) {
	return s.request(ctx, http.MethodGet, s.acme.management+"/roots/0", nil)
}

func (s *Stack) request(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.acme.roots},
		DisableKeepAlives: true}}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func listening(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

func (s *Stack) acmeEnv() [][2]string {
	a := s.acme
	ca := [][2]string{
		{"EVERLEAF_ACME_DIRECTORY", a.directory},
		{"EVERLEAF_ACME_EMAIL", email},
		{"EVERLEAF_ACME_CA_BUNDLE", a.caFile},
	}
	if a.tsig != "" {
		ca = s.dnsEnv()
	}
	return append(ca, [][2]string{
		{"EVERLEAF_HTTP01_LISTEN", a.http01},
		{"EVERLEAF_OPS_LISTEN", a.ops},
		{"EVERLEAF_HTTP01_CHECK_PORT", strconv.Itoa(a.http01Port)},
		{"EVERLEAF_ALLOW_ADDRESSES", "127.0.0.0/8,::1"}, // where all names of this stack lead
		{"EVERLEAF_HTTP01_CHECK_RESOLVER", a.dns},
	}...)
}
