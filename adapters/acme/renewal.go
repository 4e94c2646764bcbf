package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

// RenewalAdvice asks for the certificate's window (RFC 9773 §4.1, unauthenticated). It is one request; acmez's own call
// would sleep and repeat on an unusable window. Faults of RFC 9773 §4.3.3's long-term errors are final.
func (ca *CA) RenewalAdvice(ctx context.Context, leaf []byte) (domain.Advice, error) {
	var none domain.Advice
	const what = "read the renewal window"
	certificate, err := x509.ParseCertificate(leaf)
	if err != nil {
		return none, domain.NewFault(domain.FaultOperator, domain.ReasonCertificateUnreadable, err,
			"issuer %q: %s: the stored leaf is no certificate", ca.config.Issuer, what)
	}
	bounded, cancel := context.WithTimeout(ctx, ca.config.Timeout)
	defer cancel()
	known, err := ca.directory(bounded)
	if err != nil {
		return none, longTerm(ca.interpret(ctx, what, err, nil))
	}
	id, err := acme.ARIUniqueIdentifier(certificate)
	if err != nil || known.RenewalInfo == "" || len(certificate.AuthorityKeyId) == 0 {
		return domain.Advice{Unsupported: true}, nil
	}
	tracked, x := track(bounded)
	defer x.done()
	var info struct {
		SuggestedWindow struct{ Start, End time.Time } `json:"suggestedWindow"`
		ExplanationURL  string                         `json:"explanationURL"`
	}
	if err := ca.get(tracked, x, strings.TrimRight(known.RenewalInfo, "/")+"/"+id, &info); err != nil {
		return none, longTerm(ca.interpret(ctx, what, err, x))
	}
	// RFC 9773 §4.2: a window whose end is not after its start is invalid; "the client MUST act as if it had received
	// no response".
	_, wait := x.last()
	if window := info.SuggestedWindow; window.Start.IsZero() || !window.End.After(window.Start) {
		return domain.Advice{RetryAfter: wait}, nil
	}
	return domain.Advice{RetryAfter: wait, Window: &domain.Window{
		Start: info.SuggestedWindow.Start, End: info.SuggestedWindow.End, ExplanationURL: info.ExplanationURL,
	}}, nil
}

// longTerm makes final what RFC 9773 §4.3.3 calls a long-term error: all but time-outs and answers of 5xx, which are
// worth another try within minutes.
func longTerm(err error) error {
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) && !slices.Contains(temporary, fault.Reason) {
		return fault.Permanent()
	}
	return err // the end of the caller's context among them
}

var temporary = []domain.Reason{domain.ReasonTimeout, domain.ReasonServerError, domain.ReasonUnavailable}
