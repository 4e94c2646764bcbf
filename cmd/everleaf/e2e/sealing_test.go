package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// readyz is what a process that was started by run answers for readiness.
func (p *process) readyz() (status int, body string) {
	p.t.Helper()
	return p.ops("/readyz")
}

// ops is what its operations listener answers.
func (p *process) ops(path string) (status int, body string) {
	p.t.Helper()
	found := opsAddress.FindStringSubmatch(p.log.String())
	require.NotNil(p.t, found, p.log.String())
	response, err := http.Get("http://" + found[1] + path)
	require.NoError(p.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return response.StatusCode, string(text)
}

// sealingKey makes a further key and returns its URL.
func (s *stack) sealingKey() string {
	s.t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	path := filepath.Join(s.t.TempDir(), "sealing.key")
	require.NoError(s.t, os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)), 0o600))
	return "file://" + path
}

// A rotation that leaves a step out is refused, or shows: no process is left with secrets that it cannot open.
func TestASealingKeyThatNotAllKnow(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	former, new := s.setting("EVERLEAF_SEALING_KEY"), s.sealingKey()
	behind := s.run()
	s.must("cert", "ensure", s.name, "--name", "sealed.example.test")
	status, body := behind.readyz()
	require.Equal(t, http.StatusOK, status, body)
	require.Regexp(t, `(?m)^ok   sealing: opens what 01[0-9a-f]{16}, the current key, and the running processes seal$`,
		body)

	rotated := []string{"--sealing-key", new, "--sealing-keys-old", former}
	refused := s.cli(append([]string{"reseal"}, rotated...)...)
	refused.exits(t, 1)
	require.Regexp(t, behind.identity("")+`\w+ \(workflows,authorization,delivery,nexus,responder,pull\); give each of them the key, in --sealing-keys-old`, refused.stderr)
	require.Contains(t, refused.stderr, "(Operator/SealingKeyNotShared)")
	refused = s.cli(append([]string{"account", "rollover", "default"}, rotated...)...)
	refused.exits(t, 1)
	require.Contains(t, refused.stderr, "(Operator/SealingKeyNotShared)")
	s.must("cert", "renew", s.name)

	// A worker that begins with it all the same says so, and the others are not ready.
	first := s.run(append([]string{"--roles=delivery"}, rotated...)...)
	require.Contains(t, first.log.String(), "this process seals what others cannot open")
	status, body = behind.readyz()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Regexp(t, `(?m)^FAIL sealing: .*--sealing-keys-old \(EVERLEAF_SEALING_KEYS_OLD\)`, body)
	status, body = first.readyz()
	require.Equal(t, http.StatusOK, status, body)

	behind.stop()
	s.set("EVERLEAF_SEALING_KEYS_OLD", new)
	known := s.run()
	status, body = known.readyz()
	require.Equal(t, http.StatusOK, status, body)
	early := s.cli(append([]string{"reseal"}, rotated...)...)
	early.exits(t, 1)
	require.Contains(t, early.stderr, "still seal with a former key")
	known.stop()
	s.set("EVERLEAF_SEALING_KEY", new)
	s.set("EVERLEAF_SEALING_KEYS_OLD", former)
	s.run()
	done := s.must("reseal")
	require.Contains(t, done.stdout, "nothing is left")
	s.must(append([]string{"account", "rollover", "default"}, rotated...)...)
	s.must("cert", "renew", s.name)
}
