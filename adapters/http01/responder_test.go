package http01_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/http01"
	"everleaf/domain"
	"everleaf/mocks"
)

const (
	prefix           = "/.well-known/acme-challenge/"
	token            = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
	keyAuthorization = token + ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
)

func started(t *testing.T, store *mocks.MockHTTPTokens) *http01.Responder {
	t.Helper()
	responder := http01.NewResponder(http01.Config{Listen: "127.0.0.1:0"}, store, nil)
	require.Equal(t, "127.0.0.1:0", responder.Addr())
	require.NoError(t, responder.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, responder.Stop(context.Background())) })
	return responder
}

func TestResponderAnswers(t *testing.T) {
	store := mocks.NewMockHTTPTokens(gomock.NewController(t))
	// Found: cached.
	store.EXPECT().KeyAuthorizations(gomock.Any(), []string{token}).Return(map[string]string{token: keyAuthorization},
		nil).Times(1)
	// Missed: remembered for a second; the look-up of another one has nothing to do with it.
	store.EXPECT().KeyAuthorizations(gomock.Any(), []string{"unknown"}).Return(nil, nil).MinTimes(1)
	// Not shown.
	store.EXPECT().KeyAuthorizations(gomock.Any(), []string{"failing"}).Return(nil, errors.New("password=hunter2")).Times(1)
	// The longest.
	long := strings.Repeat("a", 128)
	store.EXPECT().KeyAuthorizations(gomock.Any(), []string{long}).Return(map[string]string{long: keyAuthorization},
		nil).Times(1)
	responder := started(t, store)
	cases := []struct {
		method, path string
		status       int
		body         string
	}{
		{http.MethodGet, prefix + token, 200, keyAuthorization},
		{http.MethodGet, prefix + token, 200, keyAuthorization},
		{http.MethodGet, prefix + token + "?from=elsewhere", 200, keyAuthorization},
		{http.MethodHead, prefix + token, 200, ""},
		{http.MethodPost, prefix + token, 405, "method not allowed\n"},
		{http.MethodGet, prefix + "unknown", 404, "404 page not found\n"},
		{http.MethodGet, prefix + "unknown", 404, "404 page not found\n"},
		{http.MethodGet, prefix + "failing", 503, "token store unavailable\n"},
		{http.MethodGet, prefix + strings.Repeat("a", 128), 200, keyAuthorization},
		{http.MethodGet, prefix + strings.Repeat("a", 129), 404, "404 page not found\n"},
		{http.MethodGet, prefix, 404, "404 page not found\n"},
		{http.MethodGet, prefix + "a/b", 404, "404 page not found\n"},
		{http.MethodGet, prefix + "..%2f..%2fetc", 404, "404 page not found\n"},
		{http.MethodGet, prefix + "a'b", 404, "404 page not found\n"},
		{http.MethodGet, "/", 404, "404 page not found\n"},
	}
	for _, c := range cases {
		request, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+responder.Addr()+c.path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, c.status, response.StatusCode, "%s %s", c.method, c.path)
		require.Equal(t, c.body, string(body), "%s %s", c.method, c.path)
		if c.status == 200 {
			require.Equal(t, "application/octet-stream", response.Header.Get("Content-Type"))
		}
	}
}

func TestResponderNamesTheAddressItCannotBind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	store := mocks.NewMockHTTPTokens(gomock.NewController(t))
	for _, address := range []string{taken.Addr().String(), "127.0.0.1:http-or-so", "nonsense"} {
		responder := http01.NewResponder(http01.Config{Listen: address}, store, nil)
		err = responder.Start(t.Context())
		fault := domain.AsFault(err)
		require.Equal(t, domain.FaultOperator, fault.Kind)
		require.EqualValues(t, "ListenFailed", fault.Reason)
		require.Contains(t, fault.Message, "--http01-listen (EVERLEAF_HTTP01_LISTEN)")
		require.Contains(t, fault.Message, address)
		require.NoError(t, responder.Stop(t.Context()), "stopping what never started")
	}
}

func TestStopFinishesAnswersAndThenCuts(t *testing.T) {
	store := mocks.NewMockHTTPTokens(gomock.NewController(t))
	asked := make(chan struct{})
	store.EXPECT().KeyAuthorizations(gomock.Any(), []string{token}).
		DoAndReturn(func(ctx context.Context, _ []string) (map[string]string, error) {
			close(asked)
			<-ctx.Done()
			return nil, ctx.Err()
		})
	responder := http01.NewResponder(http01.Config{Listen: "127.0.0.1:0"}, store, nil)
	require.NoError(t, responder.Start(t.Context()))
	cut := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + responder.Addr() + prefix + token)
		if err == nil {
			err = response.Body.Close()
		}
		cut <- err
	}()
	<-asked
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, responder.Stop(ended), context.Canceled)
	require.Error(t, <-cut)
	_, err := net.Dial("tcp", responder.Addr())
	require.Error(t, err)
}

// Readiness goes through the network, touches no store, and knows a stranger at the responder's address.
func TestReadiness(t *testing.T) {
	store := mocks.NewMockHTTPTokens(gomock.NewController(t))
	for _, listen := range []string{"127.0.0.1:0", ":0"} {
		responder := http01.NewResponder(http01.Config{Listen: listen}, store, nil)
		_, err := responder.Readiness(t.Context())
		require.EqualValues(t, "ResponderNotAnswering", domain.AsFault(err).Reason, "not started")
		require.NoError(t, responder.Start(t.Context()))
		detail, err := responder.Readiness(t.Context())
		require.NoError(t, err)
		require.Equal(t, "answers at "+responder.Addr(), detail)
		require.NoError(t, responder.Stop(t.Context()))
		_, err = responder.Readiness(t.Context())
		require.ErrorContains(t, err, "does not answer at "+responder.Addr())
	}
}
