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
	// Renew replaces the certificate now and waits. An unknown name is a Spec fault "UnknownCertificate", one that is
	// retired "WorkflowEnded", or "Retired" while its workflow runs. A workflow that was terminated, has failed or is
	// forgotten is started again with what is stored; so it is by Revoke and Retire.
	Renew(ctx context.Context, name string, request RenewRequest) (domain.Status, error)
	// Revoke replaces the certificate unless asked not to, then revokes the one that was in service, and waits. An
	// unknown name is a Spec fault "UnknownCertificate", one that is retired "WorkflowEnded", an unknown
	// reason "UnknownReason", an unknown signer "UnknownSigner". A Wait fault "ReplacementNotDelivered" says that it
	// is replaced, and revoked when its targets have the new one.
	Revoke(ctx context.Context, name string, request RevokeRequest) (domain.Status, error)
	// Retire ends the certificate's workflow, clears its targets if asked to, and waits. What is stored stays.
	// Idempotent: one that was retired or cancelled before is answered as Already. A Spec fault "StillDelivered" says
	// that targets were to be cleared, and still have it although its workflow has ended. An unknown name is a Spec
	// fault "UnknownCertificate".
	Retire(ctx context.Context, name string, request RetireRequest) (domain.Status, error)
	// Status asks the workflow. An unknown name is a Spec fault "UnknownCertificate", and so is one whose first request
	// was refused, with the reason; one whose workflow has ended is "WorkflowEnded".
	Status(ctx context.Context, name string) (domain.Status, error)
}

// Onlooker sees what a certificate's workflow is doing without asking it: also where no worker answers.
type Onlooker interface {
	// Work returns the steps that are at work or wait for their next try, from Temporal alone, within seconds. A
	// workflow that waits for its next renewal has none. An unknown name is a Spec fault "UnknownCertificate", one
	// whose workflow has ended "WorkflowEnded".
	Work(ctx context.Context, name string) ([]domain.Work, error)
}

// QueueChecker is a Keeper that knows whether anybody would carry a request out.
type QueueChecker interface {
	// CheckQueue returns the task queue of the certificate's workflow, or where it would be started. A queue that no
	// worker has polled for minutes is a Wait fault "NoWorker". It starts nothing.
	CheckQueue(ctx context.Context, name string) (queue string, err error)
}

// Editor is a Keeper for those who read a spec, change a part of it and write it back.
type Editor interface {
	Keeper
	// EnsureWith is Ensure on conditions: only if the spec is still of the expected generation, else a Spec fault
	// "GenerationConflict"; or as a dry run, which starts nothing either. A dry run for an unknown name is a Spec fault
	// "UnknownCertificate".
	EnsureWith(ctx context.Context, name string, request EnsureRequest) (domain.Status, error)
}
