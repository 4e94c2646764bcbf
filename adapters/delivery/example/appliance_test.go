package example

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/delivery"
	"everleaf/adapters/delivery/targettest"
	"everleaf/ports"
)

func TestAppliance(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		appliance := &appliance{entries: map[string]entry{}}
		up, refusing := httptest.NewTLSServer(appliance), httptest.NewTLSServer(http.HandlerFunc(refuse))
		silent := httptest.NewTLSServer(http.HandlerFunc(hang))
		for _, server := range []*httptest.Server{up, refusing, silent} {
			t.Cleanup(server.Close)
		}
		made := func(server *httptest.Server) ports.Target {
			settings := Appliance{URL: server.URL}
			require.NoError(t, settings.Check())
			made, err := settings.Target("appliance", delivery.Deps{})
			require.NoError(t, err)
			appliance := made.(target)
			appliance.client = server.Client() // it trusts the test's servers
			return appliance
		}
		require.ErrorContains(t, Appliance{URL: "http://appliance"}.Check(), ".appliance.url")
		return targettest.Subject{
			Target:  made(up),
			Failing: made(refusing),
			Silent:  made(silent),
			Holds: func(_ testing.TB, certificate string) (chainPEM, keyPEM string) {
				appliance.mu.Lock()
				defer appliance.mu.Unlock()
				entry := appliance.entries[certificate]
				return entry.Chain, entry.Key
			},
		}
	})
}

// refuse repeats all that it was sent.
func refuse(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.Copy(w, r.Body)
}

// hang does not answer. A server notices that its client leaves once it has read the body.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

type entry struct {
	Chain, Key string
	sequence   int64
}

type appliance struct {
	mu      sync.Mutex
	entries map[string]entry
}

func (a *appliance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	sequence, _ := strconv.ParseInt(r.FormValue("sequence"), 10, 64)
	a.mu.Lock()
	defer a.mu.Unlock()
	if sequence < a.entries[name].sequence {
		w.WriteHeader(http.StatusConflict)
		return
	}
	var put entry
	if r.Method == http.MethodPut && json.NewDecoder(r.Body).Decode(&put) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	put.sequence = sequence
	a.entries[name] = put
}
