package delivery_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/golang/mock/gomock"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/delivery"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

var (
	oldSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("an old secret of 32 octets, xxxx"))
	newSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("the new secret of 32 octets, xxx"))
	bundle    = ports.Bundle{Certificate: "web", Target: "hook@edge1.example.com", Sequence: 1_800_000_000_000_001,
		ChainPEM: []byte("chain"), KeyPEM: []byte("-----BEGIN PRIVATE KEY-----\n"), Issued: domain.Issued{
			Version: "7d0f7a3e-0000-4000-8000-000000000001", Issuer: "default", Names: []string{"www.example.com"},
			Serial:    "0a1b",
			NotBefore: time.Unix(1_800_000_000, 0).UTC(), NotAfter: time.Unix(1_808_000_000, 0).UTC(),
		}}
)

// message is what a receiver got.
type message struct {
	id, path string
	Type     string
	Data     struct {
		Name, Version, Serial, Issuer, ChainPEM string
		Names                                   []string
		NotAfter                                time.Time
		Sequence                                int64
		Key                                     struct{ Transport, URL, Token, Age, PEM string }
	}
}

// receiver checks signatures with the library, with both secrets, and answers.
func receiver(t *testing.T, answer func(w http.ResponseWriter, m message)) (config delivery.Webhook, got *[]message) {
	t.Helper()
	got = &[]message{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, secret := range []string{oldSecret, newSecret} {
			hook, err := standardwebhooks.NewWebhook(secret)
			if err == nil {
				err = hook.Verify(body, r.Header)
			}
			if err != nil {
				t.Error(err)
			}
		}
		m := message{id: r.Header.Get("webhook-id"), path: r.URL.RequestURI()}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		*got = append(*got, m)
		answer(w, m)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: server.Certificate().Raw}), 0o600))
	return delivery.Webhook{URL: server.URL + "/hook/{name}?of={name}", Secret: oldSecret + " " + newSecret,
		Key: delivery.KeyNone, CABundle: roots}, got
}

func webhook(t *testing.T, config delivery.Webhook, tokens ports.KeyTokens) *delivery.WebhookTarget {
	t.Helper()
	target, err := delivery.NewWebhook("hook", config, tokens, nil)
	require.NoError(t, err)
	return target
}

func ok(http.ResponseWriter, message) {}

func TestWebhookCarriesAToken(t *testing.T) {
	t.Parallel()
	config, got := receiver(t, ok)
	config.Key, config.TokenURL = "", "https://everleaf.example.org:8403/"
	tokens := mocks.NewMockKeyTokens(gomock.NewController(t))
	var digests []ports.TokenDigest
	tokens.EXPECT().PutToken(gomock.Any(), gomock.Any()).DoAndReturn(func(_ context.Context,
		token ports.KeyToken) (time.Time, error) {
		require.Equal(t, []any{"web", bundle.Target, bundle.Issued.Version, 15 * time.Minute},
			[]any{token.Certificate, token.Target, token.Version, token.Life})
		digests = append(digests, token.Digest)
		return time.Now().Add(token.Life), nil
	}).Times(2)
	target := webhook(t, config, tokens)
	for i := range 2 {
		confirmation, err := target.Deliver(t.Context(), bundle)
		require.NoError(t, err)
		require.Equal(t, "200 OK", confirmation)
		m := (*got)[i]
		require.Equal(t, bundle.Issued.Version+"-hook@edge1_example_com-1800000000000001", m.id,
			"the same for each repeat")
		require.Equal(t, bundle.Sequence, m.Data.Sequence)
		require.Equal(t, "/hook/web?of=web", m.path)
		require.Equal(t, "certificate.issued", m.Type)
		require.Equal(t, []string{"web", bundle.Issued.Version, "0a1b", "default", "chain"},
			[]string{m.Data.Name, m.Data.Version, m.Data.Serial, m.Data.Issuer, m.Data.ChainPEM})
		require.Equal(t, bundle.Issued.NotAfter, m.Data.NotAfter)
		require.Equal(t, "https://everleaf.example.org:8403/v1/keys", m.Data.Key.URL)
		require.Equal(t, digests[i], sha256.Sum256([]byte(m.Data.Key.Token)), "the store gets the digest alone")
		require.Empty(t, m.Data.Key.PEM)
	}
	require.NotEqual(t, digests[0], digests[1])

	tokens.EXPECT().VoidToken(gomock.Any(), "web", bundle.Target)
	require.NoError(t, target.Remove(t.Context(),
		ports.Removal{Certificate: "web", Target: bundle.Target, Sequence: bundle.Sequence + 1}))
	require.Equal(t, "certificate.removed", (*got)[2].Type)
	require.Equal(t, "web", (*got)[2].Data.Name)
	require.Equal(t, bundle.Sequence+1, (*got)[2].Data.Sequence)
	require.Equal(t, "removed-web-hook@edge1_example_com-1800000000000002", (*got)[2].id, "the same for each repeat")
	drift, err := target.Drift(t.Context(), bundle)
	require.NoError(t, err)
	require.Empty(t, drift)

	away := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "away")
	tokens.EXPECT().PutToken(gomock.Any(), gomock.Any()).Return(time.Time{}, away)
	_, err = target.Deliver(t.Context(), bundle)
	require.Equal(t, away, err)
	require.Len(t, *got, 3, "nothing is sent without a token")

	again := bundle
	again.Sequence += 2
	tokens.EXPECT().PutToken(gomock.Any(), gomock.Any())
	_, err = target.Deliver(t.Context(), again)
	require.NoError(t, err)
	require.NotEqual(t, (*got)[0].id, (*got)[3].id, "after its removal, the same version is another message")
}

func TestWebhookCarriesTheKeyAsAskedFor(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	for _, transport := range []delivery.KeyTransport{delivery.KeyEncrypted, delivery.KeyPlain, delivery.KeyNone} {
		config, got := receiver(t, ok)
		if config.Key = transport; transport == delivery.KeyEncrypted {
			config.Recipient = identity.Recipient().String()
		}
		_, err := webhook(t, config, nil).Deliver(t.Context(), bundle)
		require.NoError(t, err)
		key := (*got)[0].Data.Key
		require.Equal(t, string(transport), key.Transport)
		require.Empty(t, key.Token)
		require.Equal(t, transport == delivery.KeyPlain, key.PEM == string(bundle.KeyPEM))
		if transport == delivery.KeyEncrypted {
			plain, err := age.Decrypt(armor.NewReader(strings.NewReader(key.Age)), identity)
			require.NoError(t, err)
			opened, err := io.ReadAll(plain)
			require.NoError(t, err)
			require.Equal(t, bundle.KeyPEM, opened)
		}
	}
}

func TestWebhookAnswersAreInterpreted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     int
		retryAfter string
		kind       domain.FaultKind
		wait       time.Duration
		says       string
	}{
		{status: 204}, {503, "120", domain.FaultWait, 2 * time.Minute, `503 Service Unavailable with "sorry [token]"`},
		{429, "9999999999", domain.FaultWait, 24 * time.Hour, "429"}, {500, "soon", domain.FaultWait, 0, "500"},
		{408, "", domain.FaultWait, 0, "408"},
		{410, "", domain.FaultOperator, 0, "wants no more"}, {401, "", domain.FaultOperator, 0, "its secret"},
		{302, "", domain.FaultOperator, 0, "redirects are not followed"},
	} {
		config, got := receiver(t, func(w http.ResponseWriter, m message) {
			w.Header().Set("Retry-After", c.retryAfter)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			if c.status != 204 {
				_, _ = io.WriteString(w, "sorry\n "+m.Data.Key.Token)
			}
		})
		config.Key, config.TokenURL = delivery.KeyByToken, "https://everleaf.example.org"
		tokens := mocks.NewMockKeyTokens(gomock.NewController(t))
		tokens.EXPECT().PutToken(gomock.Any(), gomock.Any())
		confirmation, err := webhook(t, config, tokens).Deliver(t.Context(), bundle)
		require.Len(t, *got, 1, "one attempt, no redirect")
		if c.kind == "" {
			require.NoError(t, err)
			require.Equal(t, "204 No Content", confirmation)
			continue
		}
		fault := domain.AsFault(err)
		require.Equal(t, c.kind, fault.Kind)
		require.Equal(t, map[domain.FaultKind]domain.Reason{domain.FaultWait: "TargetUnavailable",
			domain.FaultOperator: "TargetRefused"}[c.kind], fault.Reason)
		require.Equal(t, c.wait, fault.RetryAfter)
		require.Contains(t, err.Error(), c.says)
		require.NotContains(t, err.Error(), (*got)[0].Data.Key.Token)
		require.NotContains(t, err.Error(), "/hook")
	}
}

// A look shakes hands and sends no request; a server that is not trusted is named with the field.
func TestWebhookIsLookedAtWithoutARequest(t *testing.T) {
	t.Parallel()
	asked := false
	config, _ := receiver(t, func(http.ResponseWriter, message) { asked = true })
	seen, err := config.Probe(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "shakes hands; its certificate ends at ")
	require.False(t, asked)
	config.CABundle = ""
	_, err = config.Probe(t.Context())
	require.ErrorContains(t, err, "webhook.caBundle")
}

func TestWebhookThatCannotBeReached(t *testing.T) {
	t.Parallel()
	config, _ := receiver(t, func(w http.ResponseWriter, _ message) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write(bundle.KeyPEM)
	})
	plain := config
	plain.Key = delivery.KeyPlain
	_, err := webhook(t, plain, nil).Deliver(t.Context(), bundle)
	require.NotContains(t, err.Error(), "PRIVATE", "a receiver that echoes a key is not quoted")

	foreign := config
	foreign.CABundle = ""
	_, err = webhook(t, foreign, nil).Deliver(t.Context(), bundle)
	require.EqualValues(t, "TargetRefused", domain.AsFault(err).Reason)
	require.ErrorContains(t, err, "webhook.caBundle")

	config.URL = "https://127.0.0.1:1/secret-path"
	_, err = webhook(t, config, nil).Deliver(t.Context(), bundle)
	require.EqualValues(t, "TargetUnavailable", domain.AsFault(err).Reason)
	require.NotContains(t, err.Error(), "secret-path")

	gone := make(chan struct{})
	defer close(gone)
	slow, _ := receiver(t, func(http.ResponseWriter, message) {
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
		}
	})
	slow.Timeout = "50ms"
	_, err = webhook(t, slow, nil).Deliver(t.Context(), bundle)
	require.EqualValues(t, "TargetUnavailable", domain.AsFault(err).Reason)
	require.ErrorContains(t, err, "no answer within 50ms")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = webhook(t, slow, nil).Deliver(cancelled, bundle)
	require.True(t, errors.Is(err, context.Canceled), err)
}

func TestWebhookSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	fine := delivery.Webhook{URL: "https://hooks.example.org/{name}", Secret: newSecret, Key: delivery.KeyNone}
	for _, c := range []struct {
		change func(*delivery.Webhook)
		says   string
	}{
		{func(*delivery.Webhook) {}, ""},
		{func(w *delivery.Webhook) { w.URL = "http://hooks.example.org" }, ".webhook.url"},
		{func(w *delivery.Webhook) { w.URL = "https://{name}.example.org/" }, ".webhook.url"},
		{func(w *delivery.Webhook) { w.URL = "https://hooks.example.org/{nmae}" }, ".webhook.url"},
		{func(w *delivery.Webhook) { w.URL = "https://u:p@hooks.example.org/" }, ".webhook.url"},
		{func(w *delivery.Webhook) { w.URL += "#x" }, ".webhook.url"},
		{func(w *delivery.Webhook) { w.Secret = "" }, ".webhook.secret"},
		{func(w *delivery.Webhook) { w.Secret = "whsec_c2hvcnQ=" }, ".webhook.secret"},
		{func(w *delivery.Webhook) { w.Secret = strings.TrimPrefix(newSecret, "whsec_") }, ".webhook.secret"},
		{func(w *delivery.Webhook) { w.Key = "" }, ".webhook.tokenURL"},
		{func(w *delivery.Webhook) { w.TokenURL = "https://x" }, ".webhook.tokenURL"},
		{func(w *delivery.Webhook) { w.Key = "clear" }, ".webhook.key"},
		{func(w *delivery.Webhook) { w.Key = delivery.KeyEncrypted }, ".webhook.recipient"},
		{func(w *delivery.Webhook) { w.Recipient = "age1x" }, ".webhook.recipient"},
		{func(w *delivery.Webhook) { w.Timeout = "-1s" }, ".webhook.timeout"},
		{func(w *delivery.Webhook) { w.CABundle = "/nowhere" }, ".webhook.caBundle"},
	} {
		config := fine
		c.change(&config)
		_, err := delivery.NewWebhook("hook", config, nil, nil)
		if c.says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.says)
		require.NotContains(t, err.Error(), "c2hvcnQ=")
		require.NotContains(t, err.Error(), "u:p@")
	}
}
