package ports

import (
	"context"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=delivery.go -destination=../mocks/delivery.go -package=mocks

// Bundle is one version of a certificate as a target gets it.
type Bundle struct {
	Certificate string
	// Target is the target as the spec names it, with "@host" where it is on its own host.
	Target string
	// Sequence is Deliveries.BeginDelivery's number; a look needs none.
	Sequence int64
	Issued   domain.Issued
	ChainPEM []byte
	// KeyPEM is the private key in the clear, PKCS #8. It MUST NOT outlive the call, nor be logged or put into an
	// error.
	KeyPEM []byte
}

// Removal clears a certificate from a target; its fields are those of Bundle, by BeginRemoval.
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

// Target is a place where certificates are used. Faults: Wait "TargetUnavailable" for what passes by itself, Operator
// "TargetRefused" for what somebody must correct, Wait "VersionReplaced", for good, where a greater sequence has been
// there already. A method makes one attempt and honours ctx.
type Target interface {
	// Deliver puts the bundle there and returns once the target has confirmed it, with what it said in a few words.
	// Idempotent by certificate and version. Where it can, it MUST refuse a bundle that is older than what is there,
	// or it MUST send the receiver the sequence.
	Deliver(ctx context.Context, bundle Bundle) (confirmation string, err error)
	// Drift says in a few words how what is there differs from the bundle; empty if it is in place, or if the target
	// cannot be looked at.
	Drift(ctx context.Context, bundle Bundle) (drift string, err error)
	// Remove clears the certificate from there. Idempotent: one that is not there is no error. For the sequence,
	// the same holds as in Deliver.
	Remove(ctx context.Context, removal Removal) error
}

// DeliveryRequest is what a step was asked to do at a target.
type DeliveryRequest struct {
	Certificate string
	Target      string
	// ID is the request's own: the same for each try of a step, another one for each step that a workflow asks for.
	ID string
}

// Deliveries records what was delivered. Faults: Wait "DatabaseUnavailable".
//
// Each request gets a number, and the greatest of a target is its last request's. What belongs to an earlier one is a
// Wait fault "VersionReplaced", for good: a try that comes late must not undo what was asked for after it.
type Deliveries interface {
	// Bundle returns a version of the certificate with its sealed key: the record is the certificate's, with this
	// version as Issued. A version that is not stored for this certificate is an Operator fault "UnknownVersion".
	Bundle(ctx context.Context, certificate, version string) (KeyPair, error)
	// BeginDelivery notes that the target is met and numbers the request; it MUST be called before the target is
	// contacted. The number is the same for each try until something else is asked of the target, greater than all
	// before it, and fits into 53 bits. A version that is not in service is a Wait fault "VersionReplaced", for good.
	// Idempotent.
	BeginDelivery(ctx context.Context, request DeliveryRequest, version string) (sequence int64, err error)
	// BeginRemoval notes that nothing is known to be at the target any more, and numbers the request as BeginDelivery
	// does. It MUST be called before the target is contacted. Idempotent.
	BeginRemoval(ctx context.Context, request DeliveryRequest) (sequence int64, err error)
	// RecordDelivered notes that the target has the version of the request with this number. With a fault
	// "VersionReplaced", cleared reports whether the target was to be cleared since: then what this try has put there
	// must go. Idempotent.
	RecordDelivered(ctx context.Context, certificate, target string, sequence int64, confirmation string) (cleared bool,
		err error)
	// RecordRemoved notes that the target does not have the certificate, by the removal with this number: it is not a
	// target of the certificate any more. Idempotent.
	RecordRemoved(ctx context.Context, certificate, target string, sequence int64) error
	// RecordUndelivered notes why the target does not have the version, or why it is not cleared if version is empty.
	// Idempotent by the failure's instant.
	RecordUndelivered(ctx context.Context, certificate, target, version string, failure domain.Failure) error
	// RecordDrifted notes that the targets do not have these versions any more, each with an event; one that has
	// another version by now is left alone. Idempotent.
	RecordDrifted(ctx context.Context, drifts []Drift) error
	// Delivered returns what there is to look at among the next limit deliveries to targets on host ("" for those on
	// none), in order of certificate and target, after the one given (the zero one for the first page): the confirmed
	// ones of versions in service, and those that have drifted and are not confirmed again. One that has failed since
	// is left out: it is tried again anyway.
	Delivered(ctx context.Context, host string, after DeliveredTo, limit int) (DeliveredPage, error)
}

// DeliveredPage is a page of deliveries.
type DeliveredPage struct {
	Deliveries []DeliveredTo
	// After is where the next page begins; Done reports whether there is none.
	After DeliveredTo
	Done  bool
}

// DeliveredTo is a confirmed delivery, or one that has drifted.
type DeliveredTo struct {
	Certificate string `json:"certificate"`
	Target      string `json:"target"`
	// Version is empty for one that has drifted: the certificate's workflow is to deliver it again.
	Version string `json:"version,omitempty"`
}

// Drift is how a target differs from what was delivered there, in a few words.
type Drift struct {
	DeliveredTo
	What string
}
