package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

// interpret is the one gate through which errors leave this package. ctx is the caller's: its end is passed on, while
// the end of our own timeout is the CA's fault. x may be nil. Causes are put into words and not wrapped, since acmez
// quotes whole answers in its errors.
func (ca *CA) interpret(ctx context.Context, what string, err error, x *exchange) error {
	if err == nil {
		return nil
	}
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) {
		return err
	}
	answer := x.report()
	where := fmt.Sprintf("issuer %q: %s", ca.config.Issuer, what)
	if answer.path != "" {
		where += " (" + answer.path + ")"
	}
	if ended := ctx.Err(); ended != nil && !answer.refused {
		return fmt.Errorf("%s: %w", where, ended)
	}
	var problem acme.Problem
	hasProblem := errors.As(err, &problem)
	if !hasProblem && answer.problem != nil {
		problem, hasProblem = *answer.problem, true
	}
	fault := func(kind domain.FaultKind, reason domain.Reason, format string, args ...any) error {
		f := domain.NewFault(kind, reason, nil, "%s: %s", where, fmt.Sprintf(format, args...))
		if kind == domain.FaultRateLimited || kind == domain.FaultCA &&
			answer.status >= http.StatusInternalServerError {
			return f.WithRetryAfter(answer.retryAfter) // zero if the CA did not say: RFC 8555 §6.6 only says SHOULD
		}
		return f
	}
	said := fmt.Sprintf("the CA answered HTTP %d", answer.status)
	if hasProblem {
		said = "the CA answered: " + words(problem)
	}
	if problem.Type == acme.ProblemTypeBadNonce {
		// CAs quote the nonce in the detail; no message needs it.
		said = "the CA rejected one nonce after the other"
	}
	var syntax *json.SyntaxError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case hasProblem && answer.retryAfter == 0 && paused(problem):
		return fault(domain.FaultName, domain.ReasonNamesPaused, "the CA answered: %s",
			printable(problem.Detail, maxPausedWords))
	case answer.status == http.StatusTooManyRequests:
		return fault(domain.FaultRateLimited, domain.ReasonRateLimited, "%s", said)
	case answer.status == http.StatusServiceUnavailable && answer.refused:
		return fault(domain.FaultCA, domain.ReasonUnavailable, "%s", said)
	case gone(answer.status) && what == readDirectory:
		return fault(domain.FaultOperator, domain.ReasonWrongDirectory, "%s; check the issuer's directory URL", said)
	case gone(answer.status):
		return fault(domain.FaultCA, domain.ReasonNotFound, "%s", said)
	case hasProblem && refusesSignature(problem):
		return fault(domain.FaultOperator, domain.ReasonAccountKeyRefused,
			"the CA has another key for the account than the "+
				"one that is stored: restore the newest row of the table accounts, or remove it to register again")
	case hasProblem:
		kind, reason := classify(problem)
		return fault(kind, reason, "%s", said)
	case answer.status >= http.StatusInternalServerError:
		return fault(domain.FaultCA, domain.ReasonServerError, "%s", said)
	case answer.status >= http.StatusBadRequest:
		return fault(domain.FaultCA, domain.ReasonUnexpectedAnswer, "%s without saying why", said)
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		return fault(domain.FaultCA, domain.ReasonTimeout, "no answer within %s", ca.config.Timeout)
	case errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &record):
		return fault(domain.FaultCA, domain.ReasonTLSFailed, "%s; if the CA is private, set the issuer's CA bundle",
			rootWords(err))
	case errors.As(err, &syntax), unreadable(err), errors.Is(err, errMalformed), answer.status != 0:
		return fault(domain.FaultCA, domain.ReasonMalformedAnswer, "the CA's answer breaks the protocol: %s",
			rootWords(err))
	default:
		return fault(domain.FaultCA, domain.ReasonUnreachable, "%s", rootWords(err))
	}
}

func timedOut(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

// rootWords puts the innermost error into words, without URLs and quoted answers around it.
func rootWords(err error) string {
	if urlErr := (*url.Error)(nil); errors.As(err, &urlErr) {
		return printable(urlErr.Err.Error(), maxWords)
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return printable(err.Error(), maxWords)
		}
		err = inner
	}
}

// report is a copy of what an exchange recorded.
type report struct {
	path       string
	status     int
	retryAfter time.Duration
	problem    *acme.Problem
	refused    bool
}

func (x *exchange) report() report {
	if x == nil {
		return report{}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return report{path: x.path, status: x.status, retryAfter: x.retryAfter, problem: x.problem, refused: x.refused}
}
