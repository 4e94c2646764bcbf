package delivery

import (
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"everleaf/domain"
)

const (
	namePlaceholder       = "{name}"
	secretPrefix          = "whsec_"
	leastSecret           = 24 // bytes, and at most mostSecret (Standard Webhooks, "Signature scheme")
	mostSecret            = 64
	defaultWebhookTimeout = 30 * time.Second
	keysPath              = "/v1/keys"
)

// invalidWebhook names a field of a target as it stands in the file. Values that may be secret are never shown.
func invalidWebhook(target, field, fix string) error {
	return domain.NewFault(domain.FaultOperator, "InvalidSetting", nil, "target %s: webhook.%s cannot work: %s", target, field, fix)
}

// address is a webhook's URL; the certificate's name may be in its path and query. It is never a part of the host:
// certificates are named by callers, and the host is the operator's to choose.
type address struct {
	template string
	// shown is what may be told: path and query can hold a key.
	shown string
}

func parseAddress(target, raw string) (address, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return address{}, invalidWebhook(target, "url", "use an https URL with a host, for example https://hooks.example.org/everleaf; "+
			`"{name}" may stand in the path and the query`)
	case u.User != nil:
		return address{}, invalidWebhook(target, "url", "it must not hold a user name or password: the signature says who sends")
	case u.Fragment != "":
		return address{}, invalidWebhook(target, "url", "leave out the fragment (#…): it is never sent")
	case strings.ContainsAny(u.Host, "{}"):
		return address{}, invalidWebhook(target, "url", `"{name}" may stand in the path and the query, not in the host`)
	case strings.ContainsAny(strings.ReplaceAll(raw, namePlaceholder, ""), "{}"):
		return address{}, invalidWebhook(target, "url", `"{name}" is the only thing that braces stand for`)
	}
	return address{template: raw, shown: u.Scheme + "://" + u.Host}, nil
}

// of is the URL for one certificate. Names need no escape (domain.ValidateCertificateName); one that did would stay in its
// place.
func (a address) of(certificate string) string {
	return strings.ReplaceAll(a.template, namePlaceholder, url.QueryEscape(certificate))
}

// parseSecrets reads one secret or, while one is being replaced, several with spaces between.
func parseSecrets(target, text string) ([]*standardwebhooks.Webhook, error) {
	var signers []*standardwebhooks.Webhook
	for _, secret := range strings.Fields(text) {
		encoded, ok := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < leastSecret || len(key) > mostSecret {
			return nil, invalidWebhook(target, "secret", `each secret is "whsec_" and base64 of 24 to 64 bytes; make one with `+
				"`echo whsec_$(head -c32 /dev/urandom | base64)` and give it through an environment variable, as ${NAME}")
		}
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, invalidWebhook(target, "secret", "it is not accepted; make a new one")
		}
		signers = append(signers, signer)
	}
	if len(signers) == 0 {
		return nil, invalidWebhook(target, "secret", "it is missing: without a signature the receiver cannot know who sends")
	}
	return signers, nil
}

// keyTransport checks how the key travels and what that needs.
func (w *WebhookTarget) keyTransport(config Webhook) error {
	w.transport = config.Key
	if w.transport == "" {
		w.transport = KeyByToken
	}
	switch w.transport {
	case KeyByToken:
		u, err := url.Parse(config.TokenURL)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return invalidWebhook(w.name, "tokenURL", "give the https URL by which the receiver reaches the pull listener (--pull-listen), "+
				"for example https://everleaf.example.org:8403, or choose key: encrypted or key: none")
		}
		w.tokenURL = strings.TrimSuffix(config.TokenURL, "/") + keysPath
	case KeyEncrypted:
		recipients, err := age.ParseRecipients(strings.NewReader(config.Recipient))
		if err != nil || len(recipients) != 1 {
			return invalidWebhook(w.name, "recipient", `give the receiver's one age recipient, "age1…", as age-keygen prints it`)
		}
		w.recipient = recipients[0]
	case KeyPlain:
		w.logger.Warn("a webhook carries private keys in the clear inside TLS: whoever sees its requests has them; "+
			"choose key: token or key: encrypted", "target", w.name)
	case KeyNone:
	default:
		return invalidWebhook(w.name, "key", "choose token, encrypted, none or plain")
	}
	if w.transport != KeyByToken && config.TokenURL != "" {
		return invalidWebhook(w.name, "tokenURL", "it is for key: token alone; leave it out")
	}
	if w.transport != KeyEncrypted && config.Recipient != "" {
		return invalidWebhook(w.name, "recipient", "it is for key: encrypted alone; leave it out, or choose that")
	}
	return nil
}

func webhookRoots(target, path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	bundle, err := os.ReadFile(path)
	if err != nil {
		return nil, invalidWebhook(target, "caBundle", "it cannot be read ("+err.Error()+"); correct the path, or leave it out for the system's roots")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, invalidWebhook(target, "caBundle", path+" holds no PEM certificate; name a file with the roots of the receiver's certificate")
	}
	return roots, nil
}

func webhookTimeout(target, text string) (time.Duration, error) {
	if text == "" {
		return defaultWebhookTimeout, nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout <= 0 || timeout > 5*time.Minute {
		return 0, invalidWebhook(target, "timeout", "use a duration above 0 and up to 5m, for example 30s")
	}
	return timeout, nil
}
