package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"everleaf/adapters/internal/answer"
	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Target = (*WebhookTarget)(nil)

// WebhookTarget posts certificates to a URL, signed by the Standard Webhooks scheme. URLs are the operator's, from the
// configuration file, and no caller chooses one: so addresses inside the network are not refused, where a receiver
// usually is. No redirect is followed: who answers must be who was configured.
type WebhookTarget struct {
	webhookParts
	name   string
	tokens ports.KeyTokens
	client *http.Client
	tls    *tls.Config // which server is trusted
	now    func() time.Time
}

// NewWebhook makes the target called name; nobody is contacted, and CABundle is read. tokens is used for KeyByToken
// alone. Errors name the field.
func NewWebhook(name string, config Webhook, tokens ports.KeyTokens, logger *slog.Logger) (*WebhookTarget, error) {
	parts, err := config.parts()
	if err != nil {
		return nil, err
	}
	roots, err := config.roots()
	if err != nil {
		return nil, err
	}
	if parts.transport == KeyPlain && logger != nil {
		logger.Warn("a webhook carries private keys in the clear inside TLS: anyone who sees its requests has them; "+
			"choose key: token or key: encrypted", "target", name)
	}
	wire := http.DefaultTransport.(*http.Transport).Clone()
	trusting := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	wire.TLSClientConfig = trusting.Clone() // the client adds to its own
	wire.MaxResponseHeaderBytes = 64 << 10
	client := &http.Client{Transport: answer.NoUpgrade(wire),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &WebhookTarget{webhookParts: parts, name: name, tokens: tokens, client: client, tls: trusting,
		now: time.Now}, nil
}

// Deliver implements ports.Target. The receiver should fetch a key by its token before it answers: any answer but 2xx
// is followed by a new request with a new token. The ID of the message is the idempotency key: the same for each
// request that carries this version to this target, until the target was asked for something else.
func (w *WebhookTarget) Deliver(ctx context.Context, bundle ports.Bundle) (string, error) {
	data, err := w.issued(ctx, bundle)
	if err != nil {
		return "", err
	}
	return w.send(ctx, messageID(bundle), bundle.Certificate, event{eventIssued, w.now().UTC(), data}, data.Key.Token)
}

// Drift implements ports.Target: a receiver cannot be looked at.
func (w *WebhookTarget) Drift(context.Context, ports.Bundle) (string, error) { return "", nil }

// Remove implements ports.Target. The ID of the message is the same for each try of one removal; a certificate may come
// and go more than once, and the sequence distinguishes these.
func (w *WebhookTarget) Remove(ctx context.Context, removal ports.Removal) error {
	if w.transport == KeyByToken {
		if err := w.tokens.VoidToken(ctx, removal.Certificate, removal.Target); err != nil {
			return err
		}
	}
	data := removedData{removal.Certificate, removal.Sequence}
	_, err := w.send(ctx, removalID(removal), removal.Certificate, event{eventRemoved, w.now().UTC(), data}, "")
	return err
}

// messageID names version, target and request.
func messageID(bundle ports.Bundle) string {
	return bundle.Issued.Version + "-" + undotted(bundle.Target) + "-" + strconv.FormatInt(bundle.Sequence, 10)
}

// removalID names certificate, target and request.
func removalID(removal ports.Removal) string {
	return "removed-" + undotted(removal.Certificate) + "-" + undotted(removal.Target) + "-" +
		strconv.FormatInt(removal.Sequence, 10)
}

// undotted is a name without dots, which part a message's ID from what else is signed.
func undotted(name string) string { return strings.ReplaceAll(name, ".", "_") }

// send makes one request and reads what the receiver says to it. token is what must not be quoted of its answer.
func (w *WebhookTarget) send(ctx context.Context, id, certificate string, what event,
	token string) (confirmation string, err error) {
	body, err := json.Marshal(what)
	if err != nil {
		return "", domain.NewFault(domain.FaultOperator, reasonRefused, err, "target %s: write the event", w.name)
	}
	within, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(within, http.MethodPost, w.address.of(certificate),
		bytes.NewReader(body))
	if err != nil {
		return "", w.refusedFault(err, "its URL cannot be used")
	}
	signature, err := w.sign(id, what.Timestamp, body)
	if err != nil {
		return "", w.refusedFault(err, "the event cannot be signed")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "everleaf")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(what.Timestamp.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	response, err := w.client.Do(request)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", w.unansweredFault(within, err)
	}
	defer response.Body.Close() //nolint:errcheck // read-only
	return w.answered(response, token)
}

// sign makes one signature with each secret, so that receivers may change to a new secret one after the other.
func (w *WebhookTarget) sign(id string, at time.Time, body []byte) (string, error) {
	var signatures []string
	for _, signer := range w.signers {
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			return "", err
		}
		signatures = append(signatures, signature)
	}
	return strings.Join(signatures, " "), nil
}
