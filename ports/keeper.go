package ports

import (
	"context"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=keeper.go -destination=../mocks/keeper.go -package=mocks

// Keeper is this microservice as its callers see it: the contract of contract.go with the transport hidden.
type Keeper interface {
	// Ensure starts or changes a certificate's workflow and waits until it is issued. Idempotent. A problem is
	// returned as a *domain.Fault.
	Ensure(ctx context.Context, name string, spec domain.Spec) (domain.Status, error)
	// Renew replaces the certificate now and waits. An unknown name is a Spec fault "UnknownCertificate".
	Renew(ctx context.Context, name, note string) (domain.Status, error)
	// Revoke replaces the certificate, then revokes the one that was in service, and waits. An unknown name is a Spec fault
	// "UnknownCertificate", an unknown reason "UnknownReason".
	Revoke(ctx context.Context, name string, reason domain.RevocationReason, note string) (domain.Status, error)
	// Status asks the workflow. An unknown name is a Spec fault "UnknownCertificate", one whose workflow has ended
	// "NotKept".
	Status(ctx context.Context, name string) (domain.Status, error)
}
