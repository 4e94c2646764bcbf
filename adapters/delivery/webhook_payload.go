package delivery

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"everleaf/domain"
	"everleaf/ports"
)

// Event types of a webhook's payload. Receivers depend on them: they are never renamed.
const (
	eventIssued  = "certificate.issued"
	eventRemoved = "certificate.removed"
)

// event is the body of a webhook (Standard Webhooks: type, timestamp, data). Fields are only ever added.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// issuedData describes a certificate to put into service.
type issuedData struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Sequence is greater for what was asked for later, removals included. A receiver keeps the greatest that it has
	// acted on for a name, acts on no smaller one, and answers that with 2xx: it is a try that was cut off and came
	// back late.
	Sequence  int64     `json:"sequence,omitempty"`
	Names     []string  `json:"names"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	Issuer    string    `json:"issuer"`
	ChainPEM  string    `json:"chainPEM"`
	Key       keyData   `json:"key"`
}

// removedData describes a certificate to remove.
type removedData struct {
	Name     string `json:"name"`
	Sequence int64  `json:"sequence,omitempty"`
}

// keyData is how the receiver gets the private key; which fields are there depends on Transport.
type keyData struct {
	Transport KeyTransport `json:"transport"`
	// URL answers a GET with the key, PKCS #8 PEM, once, to a client that shows Token as a bearer token before Expires.
	URL     string     `json:"url,omitempty"`
	Token   string     `json:"token,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	// Age is the PEM of the key, encrypted to the receiver's recipient, in age's armor.
	Age string `json:"age,omitempty"`
	// PEM is the key in the clear.
	PEM string `json:"pem,omitempty"`
}

func (w *WebhookTarget) issued(ctx context.Context, bundle ports.Bundle) (issuedData, error) {
	key, err := w.keyFor(ctx, bundle)
	i := bundle.Issued
	return issuedData{
		Name: bundle.Certificate, Version: i.Version, Sequence: bundle.Sequence, Names: i.Names, Serial: i.Serial,
		NotBefore: i.NotBefore, NotAfter: i.NotAfter,
		Issuer: i.Issuer, ChainPEM: string(bundle.ChainPEM), Key: key,
	}, err
}

func (w *WebhookTarget) keyFor(ctx context.Context, bundle ports.Bundle) (keyData, error) {
	key := keyData{Transport: w.transport}
	switch w.transport {
	case KeyByToken:
		token, expires, err := newToken(ctx, w.tokens, bundle)
		if err != nil {
			return keyData{}, err
		}
		key.URL, key.Token, key.Expires = w.tokenURL, token, &expires
	case KeyEncrypted:
		encrypted, err := encrypt(bundle.KeyPEM, w.recipient)
		if err != nil {
			return keyData{}, domain.NewFault(domain.FaultOperator, reasonRefused, err,
				"target %s: the key cannot be encrypted to its recipient", w.name)
		}
		key.Age = encrypted
	case KeyPlain:
		key.PEM = string(bundle.KeyPEM)
	}
	return key, nil
}

func encrypt(plaintext []byte, to age.Recipient) (string, error) {
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	encrypted, err := age.Encrypt(armored, to)
	if err != nil {
		return "", fmt.Errorf("begin to encrypt: %w", err)
	}
	if _, err := encrypted.Write(plaintext); err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	if err := encrypted.Close(); err != nil {
		return "", fmt.Errorf("end the encrypted text: %w", err)
	}
	if err := armored.Close(); err != nil {
		return "", fmt.Errorf("end the armor: %w", err)
	}
	return out.String(), nil
}
