package acmetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"everleaf/adapters/servertest"
)

const stepCAVar = "EVERLEAF_TEST_STEP_CA"

// StepCAOptions say where a step-ca looks when it validates control; nothing else differs.
type StepCAOptions struct {
	// DNS is the address of the DNS server that it asks, HTTPPort where it validates HTTP-01.
	DNS      string
	HTTPPort int
}

// StepCA is a running step-ca: a CA of another make than Pebble, without ARI and profiles. Its certificates live a day.
type StepCA struct {
	// Directory is the ACME directory's URL, CABundle the path of the PEM file with the root, which its own TLS
	// certificate verifies against as well as what it issues.
	Directory, CABundle string
	// Client trusts its TLS certificate.
	Client *http.Client

	process *Process
}

// StartStepCA starts step-ca, waits until it answers and stops it with the test.
func StartStepCA(t testing.TB, options StepCAOptions) *StepCA {
	t.Helper()
	path, dir := servertest.Setting(t, stepCAVar), t.TempDir()
	authority := newAuthority(t, dir)
	transport := &http.Transport{TLSClientConfig: authority.trusting()}
	s := &StepCA{CABundle: authority.root, Client: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	t.Cleanup(func() {
		if s.process != nil {
			s.process.Stop()
		}
		transport.CloseIdleConnections()
	})
	for try := 1; ; try++ {
		listen := address(FreePort(t))
		s.Directory = "https://" + listen + "/acme/acme/directory"
		config := filepath.Join(dir, "ca.json")
		writeStepConfig(t, config, listen, dir, authority)
		// What it would otherwise look for, and make, in the home directory.
		s.process = Run(t, []string{"STEPPATH=" + dir}, path, config,
			// insecure: a port that is not 80
			"--resolver", options.DNS, "--insecure", "--acme-http-port", strconv.Itoa(options.HTTPPort))
		err := s.process.Await(s.answers)
		if err == nil {
			return s
		}
		s.process.Stop()
		if try == starts {
			t.Fatalf("start step-ca: %v", err)
		}
	}
}

// Log is what it wrote.
func (s *StepCA) Log() string { return s.process.Log() }

func (s *StepCA) answers() error {
	response, err := s.Client.Get(s.Directory)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", s.Directory, response.Status)
	}
	return nil
}

func writeStepConfig(t testing.TB, path, listen, dir string, a authority) {
	t.Helper()
	config, err := json.Marshal(map[string]any{
		"root": a.root, "crt": a.intermediate, "key": a.key, "address": listen,
		"dnsNames": []string{"localhost", "127.0.0.1"},
		"logger":   map[string]string{"format": "text"},
		"db":       map[string]string{"type": "badgerv2", "dataSource": filepath.Join(dir, "db")},
		"authority": map[string]any{"provisioners": []any{map[string]any{
			"type": "ACME", "name": "acme", "challenges": []string{"http-01", "dns-01"},
			"claims": map[string]string{"defaultTLSCertDuration": "24h", "maxTLSCertDuration": "24h"},
		}}},
	})
	must(t, err)
	must(t, os.WriteFile(path, config, 0o600))
}
