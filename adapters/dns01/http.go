package dns01

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"everleaf/adapters/internal/answer"
	"everleaf/adapters/internal/timeout"
	"everleaf/ports"
)

var _ ports.DNSZone = (*HTTPZone)(nil)

// HTTPZone has a service write the records: the protocol of lego's provider httpreq in its default mode. No redirect is
// followed: who answers must be who was configured.
type HTTPZone struct {
	name string
	// url has no slash at the end; shown is what may be shown of it.
	url, shown         string
	username, password string
	timeout            time.Duration
	client             *http.Client
	now                func() time.Time
}

// Through implements ZoneKind.
func (HTTP) Through() string { return "http" }

// New implements ZoneKind.
func (c HTTP) New(zone string, config Config) ports.DNSZone { return NewHTTPZone(zone, c, config.Wrap) }

// NewHTTPZone makes the zone from settings that Check has passed; nobody is contacted. wrap is put around what carries
// the requests; nil for nothing.
func NewHTTPZone(zone string, config HTTP, wrap func(http.RoundTripper) http.RoundTripper) *HTTPZone {
	wire := http.DefaultTransport.(*http.Transport).Clone()
	wire.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	wire.MaxResponseHeaderBytes = 64 << 10
	network := answer.NoUpgrade(wire)
	if wrap != nil {
		network = wrap(network)
	}
	z := &HTTPZone{name: canonical(zone), url: strings.TrimSuffix(config.URL, "/"), username: config.Username,
		password: config.Password,
		timeout:  timeout.Or(config.Timeout, defaultHTTPTimeout), now: time.Now,
		client: &http.Client{Transport: network,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if u, err := url.Parse(config.URL); err == nil {
		z.shown = u.Scheme + "://" + u.Host
	}
	return z
}

// Name implements ports.DNSZone.
func (z *HTTPZone) Name() string { return z.name }

// Add implements ports.DNSZone.
func (z *HTTPZone) Add(ctx context.Context, records []ports.DNSRecord) error {
	return addEach(ctx, z.name, records, func(ctx context.Context, r ports.DNSRecord) error {
		return z.post(ctx, "present", r)
	})
}

// Remove implements ports.DNSZone. The service has to confirm (2xx) the removal of what is not there.
func (z *HTTPZone) Remove(ctx context.Context, records []ports.DNSRecord) error {
	return removeEach(ctx, z.name, records, func(ctx context.Context, r ports.DNSRecord) error {
		return z.post(ctx, "cleanup", r)
	})
}

func (z *HTTPZone) post(ctx context.Context, verb string, record ports.DNSRecord) error {
	where := fmt.Sprintf("%s %s in zone %s at %s", verb, record.Name, z.name, z.shown)
	body, err := json.Marshal(map[string]string{"fqdn": record.Name + ".", "value": record.Value})
	if err != nil {
		return refusedFault(err, "%s: the request cannot be written", where)
	}
	bounded, cancel := context.WithTimeout(ctx, z.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, http.MethodPost, z.url+"/"+verb, bytes.NewReader(body))
	if err != nil {
		return refusedFault(nil, "%s: the URL cannot be used", where)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "everleaf")
	// Not sent: it lets the client repeat the request when a kept connection turns out to be closed (net/http,
	// Transport).
	request.Header["Idempotency-Key"] = nil
	if z.username != "" {
		request.SetBasicAuth(z.username, z.password)
	}
	response, err := z.client.Do(request)
	if err != nil {
		return unansweredFault(err, where)
	}
	defer response.Body.Close() //nolint:errcheck // read-only
	return z.answered(response, where)
}
