package example

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/zonetest"
	"everleaf/ports"
)

func TestHoster(t *testing.T) {
	zonetest.Run(t, func(t *testing.T) zonetest.Subject {
		hoster := &hoster{records: map[string]bool{}}
		server := httptest.NewTLSServer(hoster)
		t.Cleanup(server.Close)
		down := httptest.NewTLSServer(http.NotFoundHandler())
		down.Close()
		made := func(url string) zone {
			z := Hoster{URL: url, Token: "secret"}.New("ACME.test.", dns01.Config{}).(zone)
			z.client = server.Client() // it trusts the test's servers
			return z
		}
		require.NoError(t, made(server.URL).Check())
		require.ErrorContains(t, Hoster{URL: "http://hoster"}.Check(), ".hoster.url")
		return zonetest.Subject{
			New:  func() ports.DNSZone { return made(server.URL) },
			Down: made(down.URL),
			TXT:  hoster.under,
		}
	})
}

type hoster struct {
	mu      sync.Mutex
	records map[string]bool // by "/name/TXT/value"
}

func (h *hoster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodPut:
		h.records[r.URL.Path] = true
	case !h.records[r.URL.Path]:
		w.WriteHeader(http.StatusNotFound)
	default:
		delete(h.records, r.URL.Path)
	}
}

func (h *hoster) under(_ testing.TB, name string) (texts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for record := range h.records {
		if value, ok := strings.CutPrefix(record, "/"+name+"/TXT/"); ok {
			texts = append(texts, value)
		}
	}
	return texts
}
