package dns01test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/dns01"
)

const (
	namedVar    = "EVERLEAF_TEST_NAMED"
	devstackVar = "EVERLEAF_TEST_DEVSTACK"

	// starts is how often free ports are tried: another process may take one before the server does.
	starts = 3
	// admin is the key that tests change zones with.
	admin = "admin"
)

// Server is a running BIND.
type Server struct {
	// Addr is host:port, for queries and updates. Port is the port alone.
	Addr string
	Port int
	// Key lets TXT records be added and removed in every zone, and nothing else.
	Key dns01.TSIG

	t       testing.TB
	zones   []string
	secret  string // admin's
	process *acmetest.Process
}

// Start starts a server that is primary for the zones, waits until it answers and stops it with the test. Each zone has
// the one name server ns1 in it, at 127.0.0.1, and answers that may be remembered for a second.
func Start(t testing.TB, zones ...string) *Server {
	t.Helper()
	path, err := named()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// A copy: where AppArmor knows the installed one by its path, it may read no files of tests.
	content, err := os.ReadFile(path)
	must(t, err)
	program := filepath.Join(dir, "named")
	must(t, os.WriteFile(program, content, 0o700))
	s := &Server{t: t, zones: zones, secret: newSecret(), Key: dns01.TSIG{Name: "everleaf", Algorithm: "hmac-sha256",
		Secret: newSecret()}}
	t.Cleanup(s.Stop)
	for try := 1; ; try++ {
		s.Port = acmetest.FreePorts(t, 1)[0]
		s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port))
		s.write(dir)
		// -g: in the foreground, and the log to stderr; one worker is enough for a test.
		s.process = acmetest.Run(t, nil, program, "-4", "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
		if err = s.process.Await(s.answers); err == nil {
			return s
		}
		s.process.Stop()
		if try == starts {
			t.Fatalf("start named: %v", err)
		}
	}
}

// Stop stops the server as a crash would.
func (s *Server) Stop() {
	if s.process != nil {
		s.process.Stop()
	}
}

// Log is what the server wrote.
func (s *Server) Log() string { return s.process.Log() }

// Zone is the configuration of one of its zones, as Everleaf has it.
func (s *Server) Zone(name string) dns01.ZoneConfig {
	key := s.Key
	return dns01.ZoneConfig{Zone: name, RFC2136: &dns01.RFC2136{Server: s.Addr, TSIG: &key}}
}

func (s *Server) answers() error {
	for _, zone := range s.zones {
		answer, err := dns.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(zone), dns.TypeSOA), s.Addr)
		if err != nil {
			return err
		}
		if len(answer.Answer) == 0 {
			return fmt.Errorf("%s: %s", zone, dns.RcodeToString[answer.Rcode])
		}
	}
	return nil
}

// write writes the configuration and the zones.
func (s *Server) write(dir string) {
	conf := &strings.Builder{}
	// Nothing outside dir, no second channel. It recurses so that CNAMEs are followed from zone to zone, and has its
	// own root, so that nobody else is asked and all other names do not exist. Many tests' connections at once wait in
	// no queue.
	fmt.Fprintf(conf, `options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none;
  lock-file none; tcp-listen-queue 128; recursion yes; allow-recursion { any; }; allow-transfer { none; }; notify no;
  dnssec-validation no; max-cache-size 8m; empty-zones-enable no; };
controls {};
key %q { algorithm hmac-sha256; secret %q; };
key %q { algorithm hmac-sha256; secret %q; };
`, dir, s.Port, s.Key.Name, s.Key.Secret, admin, s.secret)
	for i, zone := range append([]string{"."}, s.zones...) {
		file := filepath.Join(dir, fmt.Sprintf("zone-%d.db", i))
		_ = os.Remove(file + ".jnl") // of a start that failed
		must(s.t, os.WriteFile(file, fmt.Appendf(nil, `$ORIGIN %s
$TTL 1
@ SOA ns1 hostmaster 1 3600 600 86400 1
@ NS ns1
ns1 A 127.0.0.1
`, dns.Fqdn(zone)), 0o600))
		fmt.Fprintf(conf, "zone %q { type primary; file %q; update-policy { grant %s zonesub TXT; grant %s zonesub ANY; "+
			"}; };\n",
			zone, file, s.Key.Name, admin)
	}
	must(s.t, os.WriteFile(filepath.Join(dir, "named.conf"), []byte(conf.String()), 0o600))
}

// named finds the program once.
var named = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(namedVar); path != "" {
		return path, nil
	}
	devstack := os.Getenv(devstackVar)
	if devstack == "" {
		return "", fmt.Errorf("%s and %s are not set: run `make test`, which starts the servers", namedVar, devstackVar)
	}
	out, err := exec.Command(devstack, "tools", "named").Output()
	if err != nil {
		return "", fmt.Errorf("%s tools named: %w", devstack, err)
	}
	return strings.TrimSpace(string(out)), nil
})

func newSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return base64.StdEncoding.EncodeToString(key)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signed is an update of the test's own.
func (s *Server) signed(message *dns.Msg) *dns.Msg {
	return message.SetTsig(admin+".", dns.HmacSHA256, 300, time.Now().Unix())
}
