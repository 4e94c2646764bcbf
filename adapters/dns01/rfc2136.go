package dns01

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/miekg/dns"

	"everleaf/adapters/internal/timeout"
	"everleaf/ports"
)

var _ ports.DNSZone = (*UpdateZone)(nil)

const (
	// ttl of records, in seconds: they live for minutes.
	ttl = 60
	// fudge is by how many seconds clocks may differ (RFC 8945 §10).
	fudge = 300
	// perUpdate is well under what fits in a message of 64 KiB.
	perUpdate = 200
)

// UpdateZone writes records by dynamic update (RFC 2136). It adds and deletes single records, never the set under a
// name, so that nobody's value is lost and nothing has to be known of the others.
type UpdateZone struct {
	name, server string
	client       *dns.Client
	key          *TSIG
}

// Through implements ZoneKind.
func (c RFC2136) Through() string { return "rfc2136 " + c.Server }

// New implements ZoneKind.
func (c RFC2136) New(zone string, config Config) ports.DNSZone {
	resolver, _ := withPort(config.Resolver, defaultPort) // empty is the system's
	return NewUpdateZone(zone, c, resolver)
}

// NewUpdateZone makes the zone from settings that Check has passed; nobody is contacted. resolver (host:port) is asked
// for the server's address; empty means the system's.
func NewUpdateZone(zone string, config RFC2136, resolver string) *UpdateZone {
	server, _ := withPort(config.Server, defaultPort)
	z := &UpdateZone{name: canonical(zone), server: server}
	z.client = &dns.Client{Net: "tcp", Timeout: timeout.Or(config.Timeout, defaultUpdateTimeout),
		Dialer: dialerVia(resolver)}
	if config.TSIG != nil {
		key := *config.TSIG
		key.Name = dns.CanonicalName(key.Name)
		key.Algorithm = dns.Fqdn(strings.ToLower(cmp.Or(key.Algorithm, "hmac-sha256")))
		z.key, z.client.TsigSecret = &key, map[string]string{key.Name: key.Secret}
	}
	return z
}

// Name implements ports.DNSZone.
func (z *UpdateZone) Name() string { return z.name }

// Add implements ports.DNSZone.
func (z *UpdateZone) Add(ctx context.Context, records []ports.DNSRecord) error {
	return z.update(ctx, records, "add", (*dns.Msg).Insert) // RFC 2136 §2.5.1
}

// Remove implements ports.DNSZone.
func (z *UpdateZone) Remove(ctx context.Context, records []ports.DNSRecord) error {
	return z.update(ctx, records, "remove", (*dns.Msg).Remove) // RFC 2136 §2.5.4
}

func (z *UpdateZone) update(ctx context.Context, records []ports.DNSRecord, what string,
	section func(*dns.Msg, []dns.RR)) error {
	for len(records) > 0 {
		n := min(len(records), perUpdate)
		if err := z.send(ctx, records[:n], what, section); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// send makes one update, which the server does whole or not at all (RFC 2136 §3.4).
func (z *UpdateZone) send(ctx context.Context, records []ports.DNSRecord, what string,
	section func(*dns.Msg, []dns.RR)) error {
	message := new(dns.Msg).SetUpdate(dns.Fqdn(z.name))
	texts := make([]dns.RR, len(records))
	for i, record := range records {
		texts[i] = &dns.TXT{Hdr: dns.RR_Header{Name: dns.Fqdn(record.Name), Rrtype: dns.TypeTXT, Class: dns.ClassINET,
			Ttl: ttl},
			Txt: []string{record.Value}}
	}
	section(message, texts)
	if z.key != nil {
		message.SetTsig(z.key.Name, z.key.Algorithm, fudge, time.Now().Unix())
	}
	answer, err := exchange(ctx, z.client, message, z.server)
	where := what + " records in zone " + z.name + " at " + z.server
	if err == nil && z.key != nil && answer.Rcode == dns.RcodeSuccess && answer.IsTsig() == nil {
		return refusedFault(nil, "%s: the answer is not signed, so it may not come from the server", where)
	}
	return interpret(ctx, where, answer, err)
}
