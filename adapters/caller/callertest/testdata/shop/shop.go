// Package shop stands for a service of another module.
package shop

import (
	"context"
	"errors"
	"fmt"

	"everleaf/adapters/caller"
)

// Shops opens shops, each under a domain of its customer.
type Shops struct {
	Certificates caller.Certificates // caller.New(client, caller.Options{})
}

// Open returns once the domain has a certificate.
func (s Shops) Open(ctx context.Context, domain string) error {
	_, err := s.Certificates.Ensure(ctx, domain, caller.Spec{Names: []string{domain}})
	var fault *caller.Fault
	if errors.As(err, &fault) && fault.Kind == caller.FaultName {
		return fmt.Errorf("the owner of %s must act first: %w", domain, err)
	}
	return err
}
