package acme_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/domain"
	"everleaf/ports"
)

// odd is a CA in memory that has a directory, nonces and accounts, and answers everything else as it is made to.
type odd struct {
	status int
	header http.Header
	body   []byte
}

const oddDirectory = `{"newNonce":"https://ca.example/nonce","newAccount":"https://ca.example/account",
	"newOrder":"https://ca.example/order","revokeCert":"https://ca.example/revoke","keyChange":"https://ca.example/key",
	"renewalInfo":"https://ca.example/ari"}`

func (o odd) RoundTrip(request *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: o.status, Header: o.header.Clone(), Body: io.NopCloser(bytes.NewReader(o.body)),
		Request: request, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(o.body))}
	usual := func(status int, body string) {
		answer.StatusCode, answer.Body, answer.ContentLength = status, io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	switch request.URL.Path {
	case "/directory":
		usual(http.StatusOK, oddDirectory)
	case "/nonce":
		usual(http.StatusOK, "")
	case "/account":
		usual(http.StatusCreated, `{"status":"valid"}`)
		answer.Header.Set("Location", "https://ca.example/account/1")
	}
	answer.Header.Set("Replay-Nonce", "bm9uY2U")
	return answer, nil
}

// Whatever a CA answers, there is a fault of bounded length, or a value.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []struct {
		status       int
		header, body string
	}{
		{201, "https://ca.example/order/1", `{"status":"pending",
			"identifiers":[{"type":"dns","value":"a.example"}],"authorizations":["https://ca.example/authz/1"],"finalize":"https://ca.example/finalize/1"}`},
		{200, "", `{"status":"pending","identifier":{"type":"dns","value":"a.example"},
			"challenges":[{"type":"http-01","url":"https://ca.example/c","token":"t"}]}`},
		{429, "7", `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"slow"}`},
		{400, "", `{"type":"urn:ietf:params:acme:error:badNonce"}`}, {503, "Fri, 31 Dec 9999 23:59:59 GMT", "<html>"},
		{200, "", `{"suggestedWindow":{"start":"2026-01-01T00:00:00Z","end":"2025-01-01T00:00:00Z"}}`},
		{200, "http://169.254.169.254/", "null"}, {204, "", ""}, {301, "gopher://x", "[]"},
		{200, "\xff", "-----BEGIN CERTIFICATE-----"},
	} {
		f.Add(seed.status, seed.header, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, status int, header string, body []byte) {
		if status < 200 || status > 599 { // the standard library's client lets no other through
			return
		}
		answers := odd{status, http.Header{"Location": {header}, "Retry-After": {header}, "Link": {header},
			"Content-Type": {"application/problem+json"}}, body}
		ca, err := acme.New(acme.Config{Issuer: "odd", Directory: "https://ca.example/directory", Timeout: 100 * time.Millisecond,
			Wrap: func(http.RoundTripper) http.RoundTripper { return answers }},
			&accounts{stored: map[string]ports.Account{}}, sealer{}, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		check := func(err error) {
			if err != nil {
				require.NotEqual(t, domain.ReasonUnexpected, domain.AsFault(err).Reason, err)
				require.Less(t, len(err.Error()), 8000)
			}
		}
		_, err = ca.PlaceOrder(ctx, ports.OrderRequest{Names: []string{"a.example"}})
		check(err)
		_, err = ca.Order(ctx, "https://ca.example/order/1")
		check(err)
		_, err = ca.Authorization(ctx, "https://ca.example/authz/1")
		check(err)
		_, err = ca.Download(ctx, "https://ca.example/certificate/1")
		check(err)
		check(ca.AcceptChallenge(ctx, domain.Challenge{URL: "https://ca.example/challenge/1"}))
	})
}
