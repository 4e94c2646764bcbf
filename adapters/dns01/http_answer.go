package dns01

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"everleaf/adapters/internal/answer"
)

const (
	// maxHead is how much of an answer's body is read, and maxQuote how much of it is shown.
	maxHead  = 4 << 10
	maxQuote = 80
	// maxRetryAfter bounds what it may ask for.
	maxRetryAfter = 24 * time.Hour
)

// unansweredFault interprets a request that brought no answer.
func unansweredFault(err error, where string) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL, whose path may hold a key
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return refusedFault(err, "%s: its server certificate is not trusted: renew it there, or have the system trust its "+
			"roots", where)
	}
	return unavailableFault(plain(err), "%s: see that the service runs and that this host reaches it", where)
}

// answered reads what the service said: 2xx confirms, what it can recover from by itself is waited for, all else must
// be corrected by somebody.
func (z *HTTPZone) answered(response *http.Response, where string) error {
	said := "it answered " + strings.TrimSpace(strconv.Itoa(response.StatusCode)+" "+
		http.StatusText(response.StatusCode)) + z.quote(response.Body)
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return refusedFault(nil, "%s: it redirects (%d), and redirects are not followed: configure the URL where it ends",
			where, code)
	case code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooManyRequests:
		return unavailableFault(nil, "%s: %s", where, said).WithRetryAfter(answer.RetryAfter(response.Header, z.now(),
			maxRetryAfter))
	default:
		return refusedFault(nil, "%s: %s: see to the service, its URL, username and password", where, said)
	}
}

// quote is the beginning of a body, printable ASCII only. A service may echo what it got: the secrets are blotted out.
func (z *HTTPZone) quote(body io.Reader) string {
	head, _ := io.ReadAll(io.LimitReader(body, maxHead)) // what came is enough
	text := string(head)
	for _, secret := range z.secrets() { // before anything is left out of them
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	if text == "" {
		return ""
	}
	return " with " + strconv.Quote(text[:min(len(text), maxQuote)])
}

// secrets are what must not be shown, in the shapes in which the service gets them.
func (z *HTTPZone) secrets() []string {
	if z.password == "" {
		return nil
	}
	return []string{base64.StdEncoding.EncodeToString([]byte(z.username + ":" + z.password)), z.password}
}
