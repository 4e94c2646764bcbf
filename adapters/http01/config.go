package http01

import (
	"net/http"
	"regexp"

	"everleaf/adapters/internal/outgoing"
)

const (
	path        = "/.well-known/acme-challenge/"
	userAgent   = "everleaf"
	defaultPort = 80
)

// Config holds the settings of responder and solver.
type Config struct {
	// Listen is the responder's address, for example ":8080".
	Listen string
	// CheckPort is the port at which a check asks; zero means 80, the only one that public CAs use.
	CheckPort int
	// Resolver is the DNS server (host or host:port) that a check asks; empty means the system's.
	Resolver string
	// Allow are ranges of addresses, as 10.0.0.0/8, that are not public ones, and that a check may connect to all the
	// same. See CheckAllow.
	Allow []string
	// Wrap is put around what carries checks, to watch them; nil for nothing.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// CheckAllow says which of Allow is no range of addresses, and how to correct it; where one is not, none is allowed.
func (c Config) CheckAllow() error {
	_, err := outgoing.Parse(c.Allow)
	return err
}

// tokenSyntax is base64url without padding (RFC 8555 §8.3); tokens longer than 128 are not known of any CA.
var tokenSyntax = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
