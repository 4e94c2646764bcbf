// Package example is a way to write DNS records as somebody would add it, for extending.md; no worker has it.
package example

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"everleaf/adapters/dns01"
	"everleaf/domain"
	"everleaf/ports"
)

var _ dns01.ZoneKind = Hoster{}

// Hoster writes records through a DNS hoster's interface: PUT and DELETE of {url}/{name}/TXT/{value}.
type Hoster struct {
	// URL is the https URL of its interface.
	URL string `json:"url"`
	// Token is sent with each request.
	Token string `json:"token"`
}

// Check implements dns01.ZoneKind.
func (h Hoster) Check() error {
	if u, err := url.Parse(h.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf(".hoster.url %q: give the https URL of the hoster's interface", h.URL)
	}
	return nil
}

// Through implements dns01.ZoneKind.
func (h Hoster) Through() string { return "hoster " + h.URL }

// New implements dns01.ZoneKind.
func (h Hoster) New(name string, _ dns01.Config) ports.DNSZone {
	return zone{name: strings.ToLower(strings.TrimSuffix(name, ".")), Hoster: h, client: &client}
}

// client follows no redirect: what is sent is secret, and for the host that the configuration names.
var client = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

type zone struct {
	Hoster
	name   string
	client *http.Client
}

// Name implements ports.DNSZone.
func (z zone) Name() string { return z.name }

// Add implements ports.DNSZone.
func (z zone) Add(ctx context.Context, records []ports.DNSRecord) error {
	return z.each(ctx, http.MethodPut, records)
}

// Remove implements ports.DNSZone.
func (z zone) Remove(ctx context.Context, records []ports.DNSRecord) error {
	return z.each(ctx, http.MethodDelete, records)
}

// each goes on after a failure, so that a removal that is refused keeps no other record in DNS.
func (z zone) each(ctx context.Context, method string, records []ports.DNSRecord) (first error) {
	for _, record := range records {
		if err := z.call(ctx, method, record); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (z zone) call(ctx context.Context, method string, record ports.DNSRecord) error {
	at := z.URL + "/" + url.PathEscape(record.Name) + "/TXT/" + url.PathEscape(record.Value)
	request, err := http.NewRequestWithContext(ctx, method, at, nil)
	if err != nil {
		return domain.NewFault(domain.FaultOperator, domain.ReasonDNSRefused, err, "hoster: correct hoster.url")
	}
	request.Header.Set("Authorization", "Bearer "+z.Token)
	response, err := z.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return domain.NewFault(domain.FaultWait, domain.ReasonDNSUnavailable, err, "the hoster does not answer")
	}
	defer response.Body.Close() //nolint:errcheck // read-only
	switch code := response.StatusCode; {
	case code < 300 || method == http.MethodDelete && code == http.StatusNotFound: // what is not there is removed
		return nil
	case code >= 500 || code == http.StatusTooManyRequests:
		return domain.NewFault(domain.FaultWait, domain.ReasonDNSUnavailable, nil, "the hoster answers %d", code)
	default:
		return domain.NewFault(domain.FaultOperator, domain.ReasonDNSRefused, nil, "the hoster answers %d", code)
	}
}
