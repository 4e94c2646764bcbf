package stack

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"everleaf/cmd/devstack/internal/proc"
)

const (
	// Zone is the zone that Everleaf may put records into.
	Zone = "acme.test"
	// Delegated is a name outside of Zone whose owner has delegated the proof of its control into Zone.
	Delegated = "customer.test"
	// Nowhere is a name that leads to nowhereAddress, where nothing listens: it fails validation.
	Nowhere        = "nowhere.fails.test"
	nowhereAddress = "127.0.0.2"

	tsigName = "everleaf"
)

func (s *Stack) challtestsrv(ctx context.Context, path string) error {
	err := s.service(ctx, &part{
		spec: proc.Spec{Name: "DNS", Path: path, Env: cleanEnv(), Dir: s.Dir, Args: []string{
			"-dnsserver", s.acme.dns, "-defaultIPv4", loopback, "-defaultIPv6", "", "-management", s.acme.dnsManagement,
			"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""}},
		ready: func(ctx context.Context) error {
			if err := listening(s.acme.dns)(ctx); err != nil {
				return err
			}
			return s.Resolve(ctx, Nowhere, nowhereAddress)
		},
		forgets: ". It keeps nothing: what `devstack dns` set is forgotten",
	})
	if err != nil {
		return err
	}
	s.Say("DNS             %s (every name is %s, but for %s)", s.acme.dns, loopback, Nowhere)
	return nil
}

// Resolve has the DNS server answer with this address alone for a name.
func (s *Stack) Resolve(ctx context.Context, name, address string) error {
	if s.acme.dnsManagement == "" {
		return errors.New("this stack's name server is BIND, whose zones are files")
	}
	for _, step := range []struct {
		path  string
		value map[string]any
	}{
		{"/clear-a", map[string]any{"host": name}},
		{"/add-a", map[string]any{"host": name, "addresses": []string{address}}},
	} {
		body, err := json.Marshal(step.value)
		if err != nil {
			return err
		}
		if _, err := s.request(ctx, http.MethodPost, "http://"+s.acme.dnsManagement+step.path, body); err != nil {
			return fmt.Errorf("set the address of %s: %w", name, err)
		}
	}
	return nil
}

// named starts BIND with its own root, in which every name is 127.0.0.1, and Zone, which a key may change. It writes
// the configuration file that gives Everleaf both CA and zone.
func (s *Stack) named(ctx context.Context, path string, port int) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	s.acme.tsig = base64.StdEncoding.EncodeToString(secret)
	dir := s.path("named")
	if err := os.RemoveAll(dir); err != nil { // what an earlier stack kept has another key
		return fmt.Errorf("clear the name server's directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the name server's directory: %w", err)
	}
	// A copy: where AppArmor knows the installed one by its path, it may read nothing here.
	program, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("copy the name server: %w", err)
	}
	files := map[string]string{
		"named": string(program),
		"named.conf": fmt.Sprintf(`options { directory %q; listen-on port %d { %s; }; listen-on-v6 { none; }; pid-file none; session-keyfile none;
  lock-file none; recursion yes; allow-recursion { any; }; allow-transfer { none; }; notify no;
  dnssec-validation no; empty-zones-enable no; };
controls {};
key %q { algorithm hmac-sha256; secret %q; };
zone "." { type primary; file "root.db"; };
zone %q { type primary; file "zone.db"; update-policy { grant %s zonesub TXT; }; };
`, dir, port, loopback, tsigName, s.acme.tsig, Zone, tsigName),
		// Names that exist hide the wildcard above them.
		"root.db": zoneFile(".") + fmt.Sprintf("*.test. A %s\n%s. A %s\n_acme-challenge.%s. CNAME %s.%s.\n%s. A %s\n",
			loopback, Delegated, loopback, Delegated, Delegated, Zone, Nowhere, nowhereAddress),
		"zone.db": zoneFile(Zone + "."),
		"../everleaf.yaml": fmt.Sprintf(`issuers:
  - {name: default, directory: %q, caBundle: %q, email: %s}
dns:
  - zone: %s
    rfc2136: {server: %q, tsig: {name: %s, algorithm: hmac-sha256, secret: "${TSIG_SECRET}"}}
`, s.acme.directory, s.acme.caFile, email, Zone, s.acme.dns, tsigName),
	}
	for name, content := range files {
		mode := os.FileMode(0o600)
		if name == "named" {
			mode = 0o700
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			return fmt.Errorf("write the name server's %s: %w", name, err)
		}
	}
	err = s.service(ctx, &part{
		spec: proc.Spec{Name: "DNS", Path: filepath.Join(dir, "named"), Env: cleanEnv(), Dir: dir,
			Args: []string{"-4", "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf")}},
		ready: listening(s.acme.dns),
	})
	if err != nil {
		return err
	}
	s.Say("DNS             %s (BIND: every name is %s; Everleaf may write into %s, to which %s has delegated)",
		s.acme.dns,
		loopback, Zone, Delegated)
	return nil
}

// zoneFile is a zone in which every name is 127.0.0.1, and whose answers are forgotten at once.
func zoneFile(origin string) string {
	return strings.Join([]string{"$ORIGIN " + origin, "$TTL 1", "@ SOA ns1 hostmaster 1 3600 600 86400 1", "@ NS ns1",
		"ns1 A " + loopback, "* A " + loopback, ""}, "\n")
}

// dnsEnv are the settings in place of those for one CA alone.
func (s *Stack) dnsEnv() [][2]string {
	_, port, _ := net.SplitHostPort(s.acme.dns)
	return [][2]string{
		{"EVERLEAF_CONFIG", s.path("everleaf.yaml")},
		{"TSIG_SECRET", s.acme.tsig},
		{"EVERLEAF_DNS01_RESOLVER", s.acme.dns},
		{"EVERLEAF_DNS01_CHECK_PORT", port},
	}
}
