package acme

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

// RenewalWindow asks for the certificate's window (RFC 9773 §4.1, unauthenticated). nil: the CA has no renewalInfo, the
// certificate cannot be asked about, or the window is unusable. It is one request; acmez's own call would sleep and
// repeat on an unusable window.
func (ca *CA) RenewalWindow(ctx context.Context, leaf []byte) (*domain.Window, error) {
	const what = "read the renewal window"
	certificate, err := x509.ParseCertificate(leaf)
	if err != nil {
		return nil, domain.NewFault(domain.FaultOperator, "CertificateUnreadable", err,
			"issuer %q: %s: the stored leaf is no certificate", ca.config.Issuer, what)
	}
	bounded, cancel := context.WithTimeout(ctx, ca.config.Timeout)
	defer cancel()
	known, err := ca.directory(bounded)
	if err != nil {
		return nil, ca.interpret(ctx, what, err, nil)
	}
	id, err := acme.ARIUniqueIdentifier(certificate)
	if err != nil || known.RenewalInfo == "" || len(certificate.AuthorityKeyId) == 0 {
		return nil, nil
	}
	tracked, x := track(bounded)
	defer x.done()
	var info struct {
		SuggestedWindow struct{ Start, End time.Time } `json:"suggestedWindow"`
		ExplanationURL  string                         `json:"explanationURL"`
	}
	if err := ca.get(tracked, x, strings.TrimRight(known.RenewalInfo, "/")+"/"+id, &info); err != nil {
		return nil, ca.interpret(ctx, what, err, x)
	}
	// RFC 9773 §4.2: a window whose end is not after its start is invalid; "the client MUST act as if it had received
	// no response".
	if window := info.SuggestedWindow; window.Start.IsZero() || !window.End.After(window.Start) {
		return nil, nil
	}
	return &domain.Window{
		Start: info.SuggestedWindow.Start, End: info.SuggestedWindow.End, ExplanationURL: info.ExplanationURL,
	}, nil
}
