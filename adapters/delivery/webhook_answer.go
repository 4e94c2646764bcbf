package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"everleaf/adapters/internal/answer"
	"everleaf/domain"
)

const (
	reasonUnavailable = "TargetUnavailable"
	reasonRefused     = "TargetRefused"

	// maxHead is how much of an answer's body is read, and maxQuote how much of it is shown.
	maxHead  = 4 << 10
	maxQuote = 120
	// maxRetryAfter bounds what it may ask for.
	maxRetryAfter = 24 * time.Hour
)

func (w *WebhookTarget) refusedFault(cause error, what string) *domain.Fault {
	return domain.NewFault(domain.FaultOperator, reasonRefused, cause, "target %s (webhook %s): %s", w.name,
		w.address.shown, what)
}

func (w *WebhookTarget) unavailableFault(cause error, what string) *domain.Fault {
	return domain.NewFault(domain.FaultWait, reasonUnavailable, cause, "target %s (webhook %s): %s", w.name,
		w.address.shown, what)
}

// answered reads what a receiver said: 2xx confirms, what a receiver can recover from by itself is waited for, all else
// must be corrected by somebody.
func (w *WebhookTarget) answered(response *http.Response, token string) (confirmation string, err error) {
	status := strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode)
	said := "it answered " + strings.TrimSpace(status) + w.quote(response.Body, token)
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return strings.TrimSpace(status), nil
	case code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooManyRequests:
		return "", w.unavailableFault(nil, said).WithRetryAfter(answer.RetryAfter(response.Header, w.now(),
			maxRetryAfter))
	case code >= 300 && code < 400:
		return "", w.refusedFault(nil, "it redirects ("+strings.TrimSpace(status)+
			"), and redirects are not followed: configure the URL where it ends")
	case code == http.StatusGone:
		return "", w.refusedFault(nil, "it wants no more webhooks (410 Gone): take the target out of the certificates' "+
			"specs, or bring the receiver back")
	default:
		return "", w.refusedFault(nil, said+": see to the receiver, its secret and its URL")
	}
}

// quote is the beginning of a body, printable ASCII only. A receiver may echo what it got: the token is blotted out,
// and of one that got a key in the clear nothing is quoted.
func (w *WebhookTarget) quote(body io.Reader, token string) string {
	head, _ := io.ReadAll(io.LimitReader(body, maxHead)) // what came is enough
	if w.transport == KeyPlain {
		return ""
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(head))
	if token != "" { // last, or what was left out might have hidden it
		text = strings.ReplaceAll(text, token, "[token]")
	}
	if text == "" {
		return ""
	}
	return " with " + strconv.Quote(text[:min(len(text), maxQuote)])
}

// unansweredFault interprets a request that brought no answer within the time of the target's own.
func (w *WebhookTarget) unansweredFault(within context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL, whose path may hold a key
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return w.refusedFault(err, "its server certificate is not trusted: renew it there, or name its roots as "+
			"webhook.caBundle")
	}
	if errors.Is(within.Err(), context.DeadlineExceeded) {
		return w.unavailableFault(nil, "no answer within "+w.timeout.String())
	}
	return w.unavailableFault(err, "it cannot be reached")
}
