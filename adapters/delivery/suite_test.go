package delivery_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/delivery"
	"everleaf/adapters/delivery/targettest"
	"everleaf/mocks"
	"everleaf/ports"
)

// target makes the one configured target, as a worker does.
func target(t *testing.T, config delivery.Config, deps delivery.Deps) ports.Target {
	t.Helper()
	config.Name = "place"
	targets, err := delivery.New([]delivery.Config{config}, deps)
	require.NoError(t, err)
	target, err := targets.Target("place")
	require.NoError(t, err)
	return target
}

func text(path string) string {
	content, _ := os.ReadFile(path) // empty if it is not there
	return string(content)
}

func TestDirectory(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		base := t.TempDir()
		directory := func(command ...string) ports.Target {
			return target(t, delivery.Config{Directory: &delivery.Directory{Path: filepath.Join(base, "{name}"),
				Command: command, RemoveCommand: command}}, delivery.Deps{})
		}
		return targettest.Subject{
			Target:  directory("true"),
			Failing: directory("sh", "-c", `cat "$1"; exit 1`, "sh", "{path}/tls.key"),
			Silent:  directory("sleep", "600"),
			Holds: func(_ testing.TB, certificate string) (chainPEM, keyPEM string) {
				in := filepath.Join(base, certificate)
				return text(filepath.Join(in, "tls.crt")), text(filepath.Join(in, "tls.key"))
			},
		}
	})
}

func TestPull(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		return targettest.Subject{Target: target(t, delivery.Config{Pull: &delivery.Pull{Clients: []string{"*"}}},
			delivery.Deps{})}
	})
}

func TestWebhook(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	for _, key := range []delivery.KeyTransport{delivery.KeyByToken, delivery.KeyEncrypted, delivery.KeyPlain,
		delivery.KeyNone} {
		t.Run(string(key), func(t *testing.T) {
			targettest.Run(t, func(t *testing.T) targettest.Subject {
				tokens := mocks.NewMockKeyTokens(gomock.NewController(t))
				tokens.EXPECT().PutToken(gomock.Any(), gomock.Any()).Return(time.Now().Add(time.Minute), nil).AnyTimes()
				tokens.EXPECT().VoidToken(gomock.Any(), gomock.Any(), gomock.Any()).AnyTimes()
				hook := func(url, roots string) ports.Target {
					config := delivery.Webhook{URL: url, Secret: newSecret, Key: key, CABundle: roots}
					switch key {
					case delivery.KeyByToken:
						config.TokenURL = "https://everleaf.example.org:8403"
					case delivery.KeyEncrypted:
						config.Recipient = identity.Recipient().String()
					}
					return target(t, delivery.Config{Webhook: &config}, delivery.Deps{Tokens: tokens})
				}
				portal := &portal{messages: map[string]message{}}
				return targettest.Subject{
					Target: hook(portal.serve(t)),
					Failing: hook(serve(t, func(w http.ResponseWriter, r *http.Request) {
						w.WriteHeader(http.StatusInternalServerError)
						_, _ = io.Copy(w, r.Body)
					})),
					Silent: hook(serve(t, func(_ http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body) // a server notices only then that its client leaves
						<-r.Context().Done()
					})),
					Keyless: key == delivery.KeyByToken || key == delivery.KeyNone,
					Holds: func(t testing.TB, certificate string) (chainPEM, keyPEM string) {
						data := portal.latest(certificate).Data
						if keyPEM = data.Key.PEM; data.Key.Age != "" {
							keyPEM = decrypted(t, data.Key.Age, identity)
						}
						return data.ChainPEM, keyPEM
					},
				}
			})
		})
	}
}

func decrypted(t testing.TB, text string, identity age.Identity) string {
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), identity)
	require.NoError(t, err)
	opened, err := io.ReadAll(plain)
	require.NoError(t, err)
	return string(opened)
}

// portal is a receiver that does what delivery.md asks of one.
type portal struct {
	mu       sync.Mutex
	messages map[string]message // the greatest sequence of each certificate
}

func (p *portal) serve(t *testing.T) (url, roots string) {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if m.Data.Sequence >= p.messages[m.Data.Name].Data.Sequence {
			p.messages[m.Data.Name] = m
		}
	})
}

func (p *portal) latest(certificate string) message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.messages[certificate]
}

func serve(t *testing.T, handler http.HandlerFunc) (url, roots string) {
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	roots = filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: server.Certificate().Raw}), 0o600))
	return server.URL, roots
}
