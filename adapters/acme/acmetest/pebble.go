package acmetest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"everleaf/adapters/servertest"
)

const (
	pebbleVar = "EVERLEAF_TEST_PEBBLE"
	dnsVar    = "EVERLEAF_TEST_CHALLTESTSRV"

	readyWithin = 30 * time.Second
	// starts is how often free ports are tried: another process may take one before the server does.
	starts = 3
)

// Profile is a certificate profile that Pebble offers.
type Profile struct {
	Description string `json:"description"`
	// ValidityPeriod is in seconds.
	ValidityPeriod int `json:"validityPeriod"`
}

// Options say how a Pebble differs from the usual one: every name resolves to 127.0.0.1, control is validated for real
// and at once, 5 % of good nonces are rejected and half of the valid authorizations are used again.
type Options struct {
	// HTTPPort is where HTTP-01 is validated; zero picks a free one.
	HTTPPort int
	// Profiles default to one called "default" of 90 days. An order that names none gets any of them.
	Profiles map[string]Profile
	// Blocked are names that are refused (rejectedIdentifier).
	Blocked []string
	// AuthorizationRetry and OrderRetry are the Retry-After in seconds of what is processing; zero means 1, negative
	// sends none.
	AuthorizationRetry, OrderRetry int
	// Bindings are the external accounts' base64url MAC keys by key ID; with one, every new account needs a binding.
	Bindings map[string]string
	// DNS is the address of a DNS server that is asked instead of the CA's own, which is not started then.
	DNS string
	// Env is added to Pebble's environment, for example "PEBBLE_AUTHZREUSE=100".
	Env []string
}

// Pebble is a running CA.
type Pebble struct {
	// Directory is the ACME directory's URL, CABundle the path of the PEM file that its TLS certificate verifies
	// against, ManagementURL the base of Pebble's management API (/roots/0, /set-renewal-info/).
	Directory, CABundle, ManagementURL string
	// DNS is the address of its DNS server, DNSManagementURL the base of that server's API (/add-a, /set-servfail);
	// empty with Options.DNS.
	DNS, DNSManagementURL string
	// HTTPPort is where HTTP-01 is validated.
	HTTPPort int
	// Client trusts Pebble's TLS certificate.
	Client *http.Client

	t       testing.TB
	options Options
	config  string
	ca, dns *Process
}

// Loopback are the addresses to which all names of its DNS server lead. A check of HTTP-01 must be allowed to follow.
var Loopback = []string{"127.0.0.0/8", "::1"}

// Start starts Pebble and its DNS server, waits until both answer and stops them with the test.
func Start(t testing.TB, options Options) *Pebble {
	t.Helper()
	pebble, challtestsrv := servertest.Setting(t, pebbleVar), servertest.Setting(t, dnsVar)
	dir := t.TempDir()
	certificate, key := serverCertificate(t, dir)
	roots := x509.NewCertPool()
	bundle, err := os.ReadFile(certificate)
	must(t, err)
	roots.AppendCertsFromPEM(bundle)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	p := &Pebble{t: t, options: options, CABundle: certificate, HTTPPort: options.HTTPPort,
		Client: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	t.Cleanup(func() {
		p.Stop()
		if p.dns != nil {
			p.dns.Stop()
		}
		transport.CloseIdleConnections()
	})
	for try := 1; ; try++ {
		ports := append([]int{FreePort(t), FreePort(t)}, FreePorts(t, 3)...) // the CA keeps its own when it restarts
		if options.HTTPPort == 0 {
			p.HTTPPort = FreePort(t)
		}
		p.Directory = fmt.Sprintf("https://127.0.0.1:%d/dir", ports[0])
		p.ManagementURL = fmt.Sprintf("https://127.0.0.1:%d", ports[1])
		p.config = filepath.Join(dir, "pebble.json")
		p.writeConfig(ports, certificate, key)
		err = p.startDNS(challtestsrv, address(ports[2]), address(ports[3]))
		if err == nil {
			err = p.startCA(pebble)
		}
		if err == nil {
			return p
		}
		p.Stop()
		if p.dns != nil {
			p.dns.Stop()
		}
		if try == starts {
			t.Fatalf("start Pebble: %v", err)
		}
	}
}

// Stop stops the CA as a crash would. The DNS server stays.
func (p *Pebble) Stop() {
	if p.ca != nil {
		p.ca.Stop()
	}
}

// Restart stops the CA and starts it again at the same addresses, without accounts, orders and certificates and under
// a new root.
func (p *Pebble) Restart() {
	p.t.Helper()
	p.Stop()
	p.Client.CloseIdleConnections()
	must(p.t, p.startCA(servertest.Setting(p.t, pebbleVar)))
}

// Log is what the CA wrote since its last start.
func (p *Pebble) Log() string { return p.ca.Log() }

// RootPEM is the root that Pebble issues under.
func (p *Pebble) RootPEM() []byte {
	p.t.Helper()
	response, err := p.Client.Get(p.ManagementURL + "/roots/0")
	must(p.t, err)
	defer response.Body.Close() //nolint:errcheck // read-only
	body, err := io.ReadAll(response.Body)
	must(p.t, err)
	return body
}

// startDNS starts the DNS server, unless the test brought its own.
func (p *Pebble) startDNS(challtestsrv, listen, management string) error {
	if p.options.DNS != "" {
		p.DNS = p.options.DNS
		return nil
	}
	p.DNS, p.DNSManagementURL = listen, "http://"+management
	p.dns = Run(p.t, nil, challtestsrv, "-dnsserver", listen, "-management", management,
		"-http01", "", "-https01", "", "-doh", "", "-tlsalpn01", "", "-defaultIPv6", "")
	return p.dns.Await(p.dnsAnswers)
}

func (p *Pebble) startCA(pebble string) error {
	env := append([]string{"PEBBLE_VA_NOSLEEP=1"}, p.options.Env...)
	p.ca = Run(p.t, env, pebble, "-config", p.config, "-dnsserver", p.DNS)
	if err := p.ca.Await(func() error { return p.answers(p.Directory) }); err != nil {
		return err
	}
	return p.ca.Await(func() error { return p.answers(p.ManagementURL + "/roots/0") })
}

func (p *Pebble) writeConfig(ports []int, certificate, key string) {
	profiles := p.options.Profiles
	if len(profiles) == 0 {
		profiles = map[string]Profile{"default": {Description: "90 days", ValidityPeriod: 90 * 24 * 3600}}
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address(ports[0]), "managementListenAddress": address(ports[1]),
		"certificate": certificate, "privateKey": key, "httpPort": p.HTTPPort, "tlsPort": ports[4],
		"domainBlocklist": append([]string{}, p.options.Blocked...), "keyAlgorithm": "ecdsa", "profiles": profiles,
		"externalAccountBindingRequired": len(p.options.Bindings) > 0, "externalAccountMACKeys": p.options.Bindings,
		"retryAfter": map[string]int{"authz": seconds(p.options.AuthorizationRetry),
			"order": seconds(p.options.OrderRetry)},
	}})
	must(p.t, err)
	must(p.t, os.WriteFile(p.config, config, 0o600))
}

func (p *Pebble) answers(url string) error {
	response, err := p.Client.Get(url)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

func (p *Pebble) dnsAnswers() error {
	connection, err := net.Dial("tcp", p.DNS)
	if err != nil {
		return err
	}
	_ = connection.Close()
	connection, err = net.Dial("tcp", p.DNSManagementURL[len("http://"):])
	if err != nil {
		return err
	}
	return connection.Close()
}

func seconds(option int) int {
	if option == 0 {
		return 1
	}
	return max(option, 0)
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
