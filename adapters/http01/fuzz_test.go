package http01

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The responder answers a known token with its key authorization, and any other path with 404.
func FuzzResponder(f *testing.F) {
	for _, seed := range []string{"known", "", "a/../known", "known/", "%2e%2e/known",
		"KNOWN", "known\x00", "..", "\xff", "known?x=y"} {
		f.Add(path+seed, "GET")
	}
	f.Add("/", "POST")
	r := NewResponder(Config{}, &slow{took: time.Microsecond}, nil)
	f.Fuzz(func(t *testing.T, asked, method string) {
		request := &http.Request{Method: method, URL: &url.URL{Path: asked}, Header: http.Header{}}
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, request.WithContext(t.Context()))
		switch {
		case asked == path+"known" && (method == http.MethodGet || method == http.MethodHead):
			require.Equal(t, http.StatusOK, answer.Code)
		default:
			require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, answer.Code)
			require.NotContains(t, answer.Body.String(), "known.k")
		}
	})
}
