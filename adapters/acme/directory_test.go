package acme

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/stretchr/testify/require"
)

// A directory is asked for once an hour; a change is seen then, and a CA that is down then does no harm.
func TestDirectoryIsRefreshed(t *testing.T) {
	var served atomic.Pointer[acme.Directory]
	var asked atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		directory := served.Load()
		if directory == nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(directory)
	}))
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "server.pem")
	require.NoError(t, os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: server.Certificate().Raw}), 0o600))
	ca, err := New(Config{Issuer: "main", Directory: server.URL, CABundle: bundle}, nil, nil, nil)
	require.NoError(t, err)

	first := acme.Directory{NewNonce: "https://ca/n", NewAccount: "https://ca/a", NewOrder: "https://ca/o",
		RenewalInfo: "https://ca/r"}
	changed := first
	changed.Meta = &acme.DirectoryMeta{Profiles: map[string]string{"new": "a new profile"}}
	steps := []struct {
		name     string
		serve    *acme.Directory
		expire   bool
		asks     int32
		profiles int
		sameAs   bool // the client, and with it its nonces, is kept
	}{
		{"first", &first, false, 1, 0, false},
		{"at once", &changed, false, 1, 0, true},
		{"an hour later, unchanged", &first, true, 2, 0, true},
		{"an hour later, the CA is down", nil, true, 3, 0, true},
		{"at once", &changed, false, 3, 0, true},
		{"an hour later, changed", &changed, true, 4, 1, false},
	}
	var client *acme.Client
	for _, step := range steps {
		served.Store(step.serve)
		if step.expire {
			ca.known.until = time.Now()
		}
		known, err := ca.directory(t.Context())
		require.NoError(t, err, step.name)
		require.Equal(t, step.asks, asked.Load(), step.name)
		require.Equal(t, "https://ca/r", known.RenewalInfo)
		// What acmez sees comes from memory, and is without renewalInfo.
		seen, err := known.client.GetDirectory(t.Context())
		require.NoError(t, err)
		require.Equal(t, step.asks, asked.Load(), step.name)
		require.Empty(t, seen.RenewalInfo)
		profiles := 0
		if seen.Meta != nil {
			profiles = len(seen.Meta.Profiles)
		}
		require.Equal(t, step.profiles, profiles, step.name)
		require.Equal(t, step.sameAs, known.client == client, step.name)
		client = known.client
	}
}
