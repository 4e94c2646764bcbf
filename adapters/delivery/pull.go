package delivery

import (
	"context"
	"strings"

	"everleaf/ports"
)

var _ ports.Target = PullTarget{}

// PullTarget lets clients come and fetch: a certificate that names it is served from the moment that it is stored, so
// there is nothing to do but to say so. The listener (package pull) does the serving.
type PullTarget struct{}

// Check implements Kind.
func (p Pull) Check() error {
	if len(p.Clients) == 0 {
		return fieldError("pull.clients", "",
			`name the clients that may fetch, as their client certificates do (DNS name, URI or common name), or `+
				`"*" for each that the client CA has signed`)
	}
	for _, client := range p.Clients {
		if client == "" || strings.TrimSpace(client) != client {
			return fieldError("pull.clients", client, "there is an empty name, or spaces around one")
		}
		if client != "*" && strings.Contains(client, "*") {
			return fieldError("pull.clients", client, `"*" stands alone, for every client; patterns are not understood`)
		}
	}
	return nil
}

// Fetched implements Kind.
func (Pull) Fetched() bool { return true }

// Target implements Kind.
func (Pull) Target(string, Deps) (ports.Target, error) { return PullTarget{}, nil }

// Deliver implements ports.Target.
func (PullTarget) Deliver(ctx context.Context, _ ports.Bundle) (string, error) {
	return "ready for clients", ctx.Err()
}

// Drift implements ports.Target: what is served is what is in service.
func (PullTarget) Drift(context.Context, ports.Bundle) (string, error) { return "", nil }

// Remove implements ports.Target: what the spec does not name is not served.
func (PullTarget) Remove(ctx context.Context, _ ports.Removal) error { return ctx.Err() }
