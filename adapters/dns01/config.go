package dns01

import (
	"net/http"

	"everleaf/adapters/internal/kinds"
	"everleaf/ports"
)

// Config holds the settings of the solver.
type Config struct {
	// Zones are those that records may be written into. None at all is allowed: every challenge is then refused.
	Zones []ZoneConfig
	// Resolver is the recursive DNS server (host or host:port) that is asked for CNAMEs and name servers; empty means
	// the system's.
	Resolver string
	// CheckPort is the port at which authoritative servers are asked; zero means 53.
	CheckPort int
	// Check says who is asked whether a record is visible; empty means CheckAuthoritative.
	Check CheckMode
	// Wrap is put around what carries requests to HTTP zones, to watch them; nil for nothing.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// CheckMode says who is asked whether a record is visible.
type CheckMode string

const (
	// CheckAuthoritative asks every authoritative server of the record's zone.
	CheckAuthoritative CheckMode = "authoritative"
	// CheckRecursive asks the resolver alone, where the network lets no other DNS out.
	CheckRecursive CheckMode = "recursive"
)

// ZoneConfig is one zone that records may be written into, with all that is below it: the table of the ways there are.
// Exactly one of its pointers, each to a ZoneKind, is set.
type ZoneConfig struct {
	// Zone is the zone's DNS name; where several hold a record, the longest is taken.
	Zone    string   `json:"zone"`
	RFC2136 *RFC2136 `json:"rfc2136,omitempty"`
	HTTP    *HTTP    `json:"http,omitempty"`
	// Exec runs a program of yours for each record, which gets JSON and answers by its exit code: see extending.md.
	Exec *Exec `json:"exec,omitempty"`
}

// ZoneKind are the settings of one way to write records. A new one is a file with a type that has these methods, and a
// field of ZoneConfig.
type ZoneKind interface {
	// Check says all that is wrong with the settings (problems.Join), each from the field on (".rfc2136.server …"), and
	// contacts nobody. A kind that runs programs also has Missing: see ZoneConfig.Missing.
	Check() error
	// Through says in a few words who writes the records; secrets are left out.
	Through() string
	// New makes the zone from settings that Check has passed; nobody is contacted. config has what zones share.
	New(zone string, config Config) ports.DNSZone
}

// Kind is the one kind that is set, and what the file calls it.
func (c ZoneConfig) Kind() (name string, kind ZoneKind, err error) { return kinds.Of[ZoneKind](c) }

// RFC2136 sends dynamic updates (RFC 2136) to the zone's primary server, signed by TSIG (RFC 8945).
type RFC2136 struct {
	// Server is the zone's primary server, as host or host:port (53 where none is given); it is asked by TCP.
	Server string `json:"server"`
	// TSIG is the key that signs updates, without which the server has to allow them by address; empty for none.
	TSIG *TSIG `json:"tsig,omitempty"`
	// Timeout bounds one update, as "10s", at most a minute; empty means 10 seconds.
	Timeout string `json:"timeout,omitempty"`
}

// TSIG is a key that server and solver share.
type TSIG struct {
	// Name is the key's name on the server.
	Name string `json:"name"`
	// Algorithm is one of hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512; empty means hmac-sha256.
	Algorithm string `json:"algorithm,omitempty"`
	// Secret is the key in base64, 16 bytes or more.
	Secret string `json:"secret"`
}

// HTTP posts records to a service that speaks the protocol of lego's provider httpreq: POST {url}/present and
// {url}/cleanup with {"fqdn": "_acme-challenge.example.org.", "value": "…"}. The service has to keep other values under
// the name, and to remove one value alone.
type HTTP struct {
	// URL is the service's address: https, or http to this host itself.
	URL string `json:"url"`
	// Username is the name for basic authentication; empty for none.
	Username string `json:"username,omitempty"`
	// Password is the password for it, given together with username; empty for none.
	Password string `json:"password,omitempty"`
	// Timeout bounds one request, as "30s", at most a minute; empty means 30 seconds.
	Timeout string `json:"timeout,omitempty"`
}
