package answer

import (
	"errors"
	"net/http"
)

// errUpgrade is about an answer that makes the connection the other side's.
var errUpgrade = errors.New("the answer is 101 Switching Protocols, which nobody asked for")

// NoUpgrade refuses answers with 101: net/http hands the bare connection over as their body, which no longer ends with
// the request's context.
func NoUpgrade(next http.RoundTripper) http.RoundTripper { return noUpgrade{next} }

type noUpgrade struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (n noUpgrade) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols {
		_ = response.Body.Close() // nothing of it is read
		return nil, errUpgrade
	}
	return response, err
}
