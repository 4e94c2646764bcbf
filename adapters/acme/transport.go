package acme

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/adapters/internal/answer"
)

const (
	// maxAnswer bounds every body. Chains and orders are a few kilobytes.
	maxAnswer     = 1 << 20
	maxRetryAfter = 7 * 24 * time.Hour
)

// errRefused ends an attempt after the CA asked to wait: acmez would knock up to three more times.
var errRefused = errors.New("the CA asked to wait")

var alternateLink = regexp.MustCompile(`<[^>]*>\s*;\s*rel="alternate"`)

// transport sits between acmez and the network. It records what acmez does not hand on (Retry-After, status), ends an
// attempt once the CA asked to wait, and keeps each attempt to the requests that were asked for.
type transport struct {
	next http.RoundTripper
	// directory answers acmez's request for it; see CA.know.
	directory []byte
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.directory != nil && request.URL.Fragment != "" {
		return fromMemory(request, t.directory), nil
	}
	x := exchangeOf(request.Context())
	if !x.begin(request.URL.Path) {
		return nil, errRefused
	}
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	// acmez downloads every alternate chain that is offered (RFC 8555 §7.4.2); the default one was asked for.
	if links := response.Header.Values("Link"); len(links) > 0 {
		response.Header["Link"] = withoutAlternates(links)
	}
	if response.StatusCode < http.StatusBadRequest {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
		x.answered(response, nil)
		return response, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	x.answered(response, body)
	return response, nil
}

func fromMemory(request *http.Request, body []byte) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: request,
	}
}

func withoutAlternates(links []string) []string {
	kept := make([]string, 0, len(links))
	for _, link := range links {
		if rest := strings.Trim(alternateLink.ReplaceAllString(link, ""), ", "); rest != "" {
			kept = append(kept, rest)
		}
	}
	return kept
}

// exchange records the last answer of one attempt.
type exchange struct {
	cancel context.CancelFunc

	mu         sync.Mutex
	path       string
	status     int
	retryAfter time.Duration
	problem    *acme.Problem
	refused    bool
}

type exchangeKey struct{}

// track returns a context that records into the exchange; done must be called.
func track(ctx context.Context) (context.Context, *exchange) {
	ctx, cancel := context.WithCancel(ctx)
	x := &exchange{cancel: cancel}
	return context.WithValue(ctx, exchangeKey{}, x), x
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	if x == nil {
		return &exchange{cancel: func() {}}
	}
	return x
}

func (x *exchange) done() { x.cancel() }

// begin reports whether a request may be sent. What the last one was answered is forgotten if it may.
func (x *exchange) begin(path string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refused {
		return false
	}
	x.path, x.status, x.retryAfter, x.problem = path, 0, 0, nil
	return true
}

// answered records an answer; body is given for errors only.
func (x *exchange) answered(response *http.Response, body []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status = response.StatusCode
	x.retryAfter = answer.RetryAfter(response.Header, time.Now(), maxRetryAfter)
	if mediaType, _, _ := mime.ParseMediaType(
		response.Header.Get("Content-Type")); mediaType == "application/problem+json" {
		var problem acme.Problem
		if json.Unmarshal(body, &problem) == nil {
			problem.Status = response.StatusCode
			x.problem = &problem
		}
	}
	if x.status == http.StatusTooManyRequests || x.status == http.StatusServiceUnavailable && x.retryAfter > 0 {
		// The body is in memory already: ending the context only ends acmez's pauses between retries.
		x.refused = true
		x.cancel()
	}
}

// last returns the last answer's status and Retry-After.
func (x *exchange) last() (status int, wait time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.status, x.retryAfter
}

func (x *exchange) lastProblem() *acme.Problem {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.problem
}
