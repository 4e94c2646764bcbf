package delivery

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"everleaf/adapters/internal/problems"
	"everleaf/adapters/internal/timeout"
	"everleaf/ports"
)

const (
	secretPrefix          = "whsec_"
	leastSecret           = 24 // bytes, and at most mostSecret (Standard Webhooks, "Signature scheme")
	mostSecret            = 64
	defaultWebhookTimeout = 30 * time.Second
	keysPath              = "/v1/keys"
)

// webhookParts are a webhook's settings, read.
type webhookParts struct {
	address   address
	signers   []*standardwebhooks.Webhook
	transport KeyTransport
	tokenURL  string
	recipient age.Recipient
	timeout   time.Duration
}

// Check implements Kind.
func (c Webhook) Check() error {
	_, err := c.parts()
	_, roots := c.roots()
	return problems.Join(err, roots)
}

// Fetched implements Kind.
func (c Webhook) Fetched() bool { return cmp.Or(c.Key, KeyByToken) == KeyByToken }

// Target implements Kind.
func (c Webhook) Target(name string, deps Deps) (ports.Target, error) {
	return NewWebhook(name, c, deps.Tokens, deps.Logger)
}

// parts reads the settings. Values that may be secret (URL, secrets) are never shown.
func (c Webhook) parts() (p webhookParts, err error) {
	var address, secret error
	p.address, address = parseAddress(c.URL)
	p.signers, secret = parseSecrets(c.Secret)
	p.timeout = timeout.Or(c.Timeout, defaultWebhookTimeout)
	return p, problems.Join(address, secret, p.readKey(c), checkTimeout("webhook.timeout", c.Timeout))
}

// concealedFieldError is a complaint about a value that is not shown.
func concealedFieldError(name, fix string) error { return fmt.Errorf(".webhook.%s: %s", name, fix) }

// address is a webhook's URL; the certificate's name may be in its path and query. It is never a part of the host:
// certificates are named by callers, and the host is the operator's to choose.
type address struct {
	template string
	// shown is what may be shown: path and query can hold a key.
	shown string
}

func parseAddress(raw string) (address, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return address{}, concealedFieldError("url",
			"use an https URL with a host, for example https://hooks.example.org/everleaf; "+
				`"{name}" may stand in the path and the query`)
	case u.User != nil:
		return address{}, concealedFieldError("url",
			"it must not hold a user name or password: the signature says who sends")
	case u.Fragment != "":
		return address{}, concealedFieldError("url", "leave out the fragment (#…): it is never sent")
	case strings.ContainsAny(u.Host, "{}"):
		return address{}, concealedFieldError("url", `"{name}" may stand in the path and the query, not in the host`)
	case strings.ContainsAny(strings.ReplaceAll(raw, namePlace, ""), "{}"):
		return address{}, concealedFieldError("url", `"{name}" is the only thing that braces stand for`)
	}
	return address{template: raw, shown: u.Scheme + "://" + u.Host}, nil
}

// of is the URL for one certificate. Names need no escape (domain.ValidateCertificateName); one that did would stay in
// its place.
func (a address) of(certificate string) string {
	return strings.ReplaceAll(a.template, namePlace, url.QueryEscape(certificate))
}

// parseSecrets reads one secret or, while one is being replaced, several with spaces between.
func parseSecrets(text string) ([]*standardwebhooks.Webhook, error) {
	var signers []*standardwebhooks.Webhook
	for _, secret := range strings.Fields(text) {
		encoded, ok := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < leastSecret || len(key) > mostSecret {
			return nil, concealedFieldError("secret",
				`each secret is "whsec_" and base64 of 24 to 64 bytes; make one with `+
					"`echo whsec_$(head -c32 /dev/urandom | base64)` and give it through an environment variable, as ${NAME}")
		}
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, concealedFieldError("secret", "it is not accepted; make a new one")
		}
		signers = append(signers, signer)
	}
	if len(signers) == 0 {
		return nil, concealedFieldError("secret",
			"it is missing: without a signature the receiver cannot know who sends")
	}
	return signers, nil
}

// readKey reads how the key travels and what that needs.
func (p *webhookParts) readKey(c Webhook) error {
	p.transport = cmp.Or(c.Key, KeyByToken)
	switch p.transport {
	case KeyByToken:
		u, err := url.Parse(c.TokenURL)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" ||
			u.Fragment != "" {
			return concealedFieldError("tokenURL",
				"give the https URL by which the receiver reaches the pull listener (--pull-listen), without user, "+
					// It may hold a password.
					"query or fragment, for example https://everleaf.example.org:8403, or choose key: encrypted or key: none")
		}
		p.tokenURL = strings.TrimSuffix(c.TokenURL, "/") + keysPath
	case KeyEncrypted:
		recipients, err := age.ParseRecipients(strings.NewReader(c.Recipient))
		if err != nil || len(recipients) != 1 {
			// it may be the identity
			return concealedFieldError("recipient",
				`give the receiver's one age recipient, "age1…", as age-keygen prints it`)
		}
		p.recipient = recipients[0]
	case KeyPlain, KeyNone:
	default:
		return fieldError("webhook.key", string(c.Key), "choose token, encrypted, none or plain")
	}
	var tokenURL, recipient error
	if p.transport != KeyByToken && c.TokenURL != "" {
		tokenURL = concealedFieldError("tokenURL", "it is for key: token alone; leave it out")
	}
	if p.transport != KeyEncrypted && c.Recipient != "" {
		recipient = concealedFieldError("recipient", "it is for key: encrypted alone; leave it out, or choose that")
	}
	return problems.Join(tokenURL, recipient)
}

// roots reads the bundle; nil stands for the system's.
func (c Webhook) roots() (*x509.CertPool, error) {
	if c.CABundle == "" {
		return nil, nil
	}
	bundle, err := os.ReadFile(c.CABundle)
	if err != nil {
		return nil, fieldError("webhook.caBundle", c.CABundle, "it cannot be read ("+err.Error()+
			"); correct the path, or leave it out for the system's roots")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, fieldError("webhook.caBundle", c.CABundle,
			"it holds no PEM certificate; name a file with the roots of the receiver's certificate")
	}
	return roots, nil
}
