// Package example is a delivery target as somebody would add it, for extending.md; no worker has it.
package example

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"everleaf/adapters/delivery"
	"everleaf/domain"
	"everleaf/ports"
)

var _ delivery.Kind = Appliance{}

// Appliance installs certificates in an appliance: PUT and DELETE of {url}/{name}, each with a sequence of which the
// appliance keeps the greatest, and answers 409 to a smaller one.
type Appliance struct {
	// URL is the https URL of its interface.
	URL string `json:"url"`
}

// Check implements delivery.Kind.
func (a Appliance) Check() error {
	if u, err := url.Parse(a.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf(".appliance.url %q: give the https URL of the appliance's interface", a.URL)
	}
	return nil
}

// Fetched implements delivery.Kind.
func (Appliance) Fetched() bool { return false }

// Target implements delivery.Kind.
func (a Appliance) Target(string, delivery.Deps) (ports.Target, error) {
	return target{url: a.URL, client: &client}, nil
}

// client follows no redirect: what is sent is secret, and for the host that the configuration names.
var client = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

type target struct {
	url    string
	client *http.Client
}

// Deliver implements ports.Target.
func (t target) Deliver(ctx context.Context, b ports.Bundle) (string, error) {
	body, err := json.Marshal(map[string]string{"chain": string(b.ChainPEM), "key": string(b.KeyPEM)})
	if err != nil {
		return "", err
	}
	defer clear(body) // the key must not outlive the call
	return "installed", t.call(ctx, http.MethodPut, b.Certificate, b.Sequence, body)
}

// Drift implements ports.Target: this appliance cannot be looked at.
func (target) Drift(context.Context, ports.Bundle) (string, error) { return "", nil }

// Remove implements ports.Target.
func (t target) Remove(ctx context.Context, r ports.Removal) error {
	return t.call(ctx, http.MethodDelete, r.Certificate, r.Sequence, nil)
}

func (t target) call(ctx context.Context, method, name string, sequence int64, body []byte) error {
	at := t.url + "/" + url.PathEscape(name) + "?sequence=" + strconv.FormatInt(sequence, 10)
	request, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return domain.NewFault(domain.FaultOperator, domain.ReasonTargetRefused, err, "appliance: correct appliance.url")
	}
	response, err := t.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return domain.NewFault(domain.FaultWait, domain.ReasonTargetUnavailable, err, "the appliance does not answer")
	}
	defer response.Body.Close()           //nolint:errcheck // read-only
	switch code := response.StatusCode; { // its body is not quoted: it might repeat the key
	case code < 300:
		return nil
	case code == http.StatusConflict:
		return domain.NewFault(domain.FaultWait, domain.ReasonVersionReplaced, nil, "the appliance has a later one").Permanent()
	case code >= 500:
		return domain.NewFault(domain.FaultWait, domain.ReasonTargetUnavailable, nil, "the appliance answers %d", code)
	default:
		return domain.NewFault(domain.FaultOperator, domain.ReasonTargetRefused, nil, "the appliance answers %d", code)
	}
}
