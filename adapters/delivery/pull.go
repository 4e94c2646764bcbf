package delivery

import (
	"context"
	"fmt"
	"strings"

	"everleaf/adapters/internal/problems"
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
	var found []error
	for i, client := range p.Clients {
		at := fmt.Sprintf("pull.clients[%d]", i)
		if client == "" || strings.TrimSpace(client) != client {
			found = append(found, fieldError(at, client, "there is an empty name, or spaces around one"))
		}
		if client != "*" && strings.Contains(client, "*") {
			found = append(found, fieldError(at, client, `"*" stands alone, for every client; patterns are not understood`))
		}
	}
	return problems.Join(found...)
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
