package acme_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

// Each way in which CAs refuse replaces costs one more request and not the renewal; other refusals are what they are.
func TestReplacesRefused(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	p := newProxy(t, w.pebble)
	ca := w.newCA(t, p.directory, p.bundle, 5*time.Second)
	account, err := ca.AccountURL(t.Context())
	require.NoError(t, err)
	request := ports.OrderRequest{Names: []string{name(t, 1)}, Replaces: "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
		ReplacesAccount: account}
	cases := []struct {
		status    int
		problem   string
		recovered bool
		kind      domain.FaultKind
	}{
		{409, "alreadyReplaced", true, ""},
		{409, "conflict", true, ""},
		{403, "unauthorized", true, ""},
		{404, "malformed", true, ""},
		{400, "malformed", true, ""},
		{429, "rateLimited", false, domain.FaultRateLimited},
		{403, "caa", false, domain.FaultName},
		{403, "userActionRequired", false, domain.FaultOperator},
		{400, "rejectedIdentifier", false, domain.FaultName},
	}
	for _, c := range cases {
		p.fail(newOrder, 1, problem(c.status, c.problem, "no"))
		order, err := ca.PlaceOrder(t.Context(), request)
		if !c.recovered {
			require.Equal(t, c.kind, domain.AsFault(err).Kind, c.problem)
			require.Equal(t, 1, p.count(newOrder), "%d %s is not about replaces", c.status, c.problem)
			continue
		}
		require.NoError(t, err, "%d %s", c.status, c.problem)
		require.NotEmpty(t, order.URL)
		require.Equal(t, 2, p.count(newOrder), "%d %s", c.status, c.problem)
	}

	// What refuses both, refuses the order: twice asked, not more.
	p.fail(newOrder, -1, problem(403, "unauthorized", "account suspended"))
	_, err = ca.PlaceOrder(t.Context(), request)
	requireFault(t, err, domain.FaultOperator, "Unauthorized", "suspended")
	require.Equal(t, 2, p.count(newOrder))
}

// boulder plays Let's Encrypt's newOrder in front of Pebble: while an order is pending, replaces is answered 409, and
// the same names without it get the very same order.
type boulder struct {
	onward  http.Handler
	placed  atomic.Int32
	pending *httptest.ResponseRecorder
	// loseNext cuts the connection after the next order is placed.
	loseNext bool
}

func (b *boulder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var jws struct{ Payload string }
	_ = json.Unmarshal(body, &jws)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	switch {
	case b.pending == nil:
		r.Body = io.NopCloser(bytes.NewReader(body))
		b.pending = httptest.NewRecorder()
		b.onward.ServeHTTP(b.pending, r)
		b.placed.Add(1)
		if b.loseNext {
			panic(http.ErrAbortHandler)
		}
	case bytes.Contains(payload, []byte(`"replaces"`)):
		problem(409, "alreadyReplaced", "it has a replacement order")(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", b.pending.Header().Get("Location"))
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(b.pending.Body.Bytes())
}

// The answer to a replacement order was lost, or the process was killed before it stored the URL: the repeated step
// gets the order that is pending, and so does every further one.
func TestReplacementOrderIsNotPlacedTwice(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	p := newProxy(t, w.pebble)
	w.ca = w.newCA(t, p.directory, p.bundle, 5*time.Second)
	names := []string{name(t, 1)}
	_, certificate, _ := w.issue(t, ports.OrderRequest{Names: names})
	account, err := w.ca.AccountURL(t.Context())
	require.NoError(t, err)
	request := ports.OrderRequest{Names: names, Replaces: ariID(t, certificate), ReplacesAccount: account}
	for _, lost := range []bool{false, true} {
		letsEncrypt := &boulder{onward: p.onward, loseNext: lost}
		p.fail(newOrder, -1, letsEncrypt.ServeHTTP)
		first, err := w.ca.PlaceOrder(t.Context(), request)
		require.NoError(t, err)
		for range 2 {
			again, err := w.newCA(t, p.directory, p.bundle, 5*time.Second).PlaceOrder(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, first.URL, again.URL)
		}
		require.EqualValues(t, 1, letsEncrypt.placed.Load())
		read, err := w.ca.Order(t.Context(), first.URL)
		require.NoError(t, err)
		require.Contains(t, []domain.OrderStatus{domain.OrderPending, domain.OrderReady}, read.Status)
	}
}
