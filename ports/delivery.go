package ports

import (
	"context"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=delivery.go -destination=../mocks/delivery.go -package=mocks

// Bundle is one version of a certificate as a target gets it.
type Bundle struct {
	Certificate string
	// Target is the target as the spec names it, with "@host" where it is on a host of its own.
	Target string
	// Sequence is Deliveries.Sequence's number; a look needs none.
	Sequence int64
	Issued   domain.Issued
	ChainPEM []byte
	// KeyPEM is the private key in the clear, PKCS #8. It MUST NOT outlive the call, nor be logged or put into an error.
	KeyPEM []byte
}

// Removal takes a certificate away from a target; its fields are those of Bundle.
type Removal struct {
	Certificate string
	Target      string
	Sequence    int64
}

// Targets finds a configured target by name.
type Targets interface {
	// Target returns the target called name. An unknown name is an Operator fault "UnknownTarget" that lists the
	// configured ones. It MUST NOT block.
	Target(name string) (Target, error)
}

// Target is a place where certificates are used. Faults: Wait "TargetUnavailable" for what mends itself, Operator
// "TargetRefused" for what somebody must mend, Wait "VersionReplaced", for good, where a greater sequence has been there
// already. A method makes one attempt and honours ctx.
type Target interface {
	// Deliver puts the bundle there and returns once the target has confirmed it, with what it said in a few words.
	// Idempotent by certificate and version. Where it can, it MUST refuse a bundle that is older than what is there, or it
	// MUST tell the receiver the sequence.
	Deliver(ctx context.Context, bundle Bundle) (confirmation string, err error)
	// Drift says in a few words how what is there differs from the bundle; empty if it is in place, or if the target cannot
	// be looked at.
	Drift(ctx context.Context, bundle Bundle) (drift string, err error)
	// Remove takes the certificate away from there. Idempotent: one that is not there is no error. For the sequence, the same
	// holds as in Deliver.
	Remove(ctx context.Context, removal Removal) error
}

// DeliveryRequest is what a step was asked to do at a target.
type DeliveryRequest struct {
	Certificate string
	Target      string
	// Version is the one to deliver; empty for a removal.
	Version string
	// Asked is when the workflow asked for it, by Temporal's clock; the same for each try of the step.
	Asked time.Time
}

// Deliveries records what was delivered. Faults: Wait "DatabaseUnavailable".
type Deliveries interface {
	// Bundle returns a version with its sealed key: the record is its certificate's, with this version as Issued. An unknown
	// version is an Operator fault "UnknownVersion".
	Bundle(ctx context.Context, version string) (KeyPair, error)
	// Sequence numbers what a target is told of a certificate: the same number for each try of what it was asked last, a
	// greater one for anything else that is asked for later. What was asked for before the last is a Wait fault
	// "VersionReplaced", for good. It fits into 53 bits.
	Sequence(ctx context.Context, request DeliveryRequest) (int64, error)
	// RecordDelivered notes that the target has the version; an older one never takes a newer one's place. Idempotent. An
	// unknown version is an Operator fault "UnknownVersion".
	RecordDelivered(ctx context.Context, certificate, target, version, confirmation string) error
	// RecordUndelivered notes why the target does not have it. Idempotent by the failure's instant.
	RecordUndelivered(ctx context.Context, certificate, target, version string, failure domain.Failure) error
	// RecordRemoved notes that the target has the certificate no more. Idempotent.
	RecordRemoved(ctx context.Context, certificate, target string) error
	// Delivered returns up to limit confirmed deliveries of the versions in service, to targets on host ("" for those on
	// none), in order of certificate and target, after the one given (the zero one for the first page), whose certificate is
	// kept. One that has failed since is left out: it is tried again anyway.
	Delivered(ctx context.Context, host string, after DeliveredTo, limit int) ([]DeliveredTo, error)
}

// DeliveredTo is a confirmed delivery.
type DeliveredTo struct {
	Certificate string `json:"certificate"`
	Target      string `json:"target"`
	Version     string `json:"version"`
}
