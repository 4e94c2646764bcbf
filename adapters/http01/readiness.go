package http01

import (
	"context"
	"fmt"
	"net/http"

	"everleaf/domain"
)

// Readiness asks the responder itself, over the network, for a challenge that cannot be; the store is not touched. The
// fault is the operator's "ResponderNotAnswering".
func (r *Responder) Readiness(ctx context.Context) (detail string, err error) {
	silent := func(cause error) error {
		return domain.NewFault(domain.FaultOperator, domain.ReasonResponderNotAnswering, cause,
			"the HTTP-01 responder does not answer at %s: restart the process", r.Addr())
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+r.Local()+path, nil)
	if err != nil {
		return "", silent(err)
	}
	response, err := direct.RoundTrip(request)
	if err != nil {
		return "", silent(err)
	}
	_ = response.Body.Close() // of a HEAD: empty
	if response.StatusCode != http.StatusNotFound {
		return "", silent(fmt.Errorf("somebody else answers with %s", response.Status))
	}
	return "answers at " + r.Addr(), nil
}

// direct knows no proxy and keeps no connection.
var direct = &http.Transport{DisableKeepAlives: true}
