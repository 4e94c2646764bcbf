package ports

import (
	"context"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=orders.go -destination=../mocks/orders.go -package=mocks

// OrderState is a stored order's state. The strings are in Postgres.
type OrderState string

const (
	// OrderPlanned: key and CSR are stored, the CA may or may not have heard of it.
	OrderPlanned OrderState = "planned"
	// OrderPlaced: the order's URL is stored.
	OrderPlaced OrderState = "placed"
	// OrderIssued: its certificate is stored.
	OrderIssued OrderState = "issued"
	// OrderAbandoned: the CA gave it up or the spec changed; it is kept for the record.
	OrderAbandoned OrderState = "abandoned"
)

// StoredOrder is an order as Postgres has it.
type StoredOrder struct {
	ID          string
	Certificate string
	// Key names what its certificate replaces: see IssuanceKey.
	Key    string
	State  OrderState
	Issuer string
	Spec   domain.Spec
	CSR    []byte
	// ReusedKey reports whether its key is that of a version of the certificate.
	ReusedKey bool
	// URL is empty while planned.
	URL string
	// OpenedAt is when it was stored first.
	OpenedAt time.Time
}

// NewOrder is what OpenOrder stores.
type NewOrder struct {
	Certificate string
	Key         string
	Issuer      string
	// Spec has defaults filled in and names as A-labels.
	Spec domain.Spec
	CSR  []byte
	// SealedKey is a new key, for this order alone; zero with KeyOf, the certificate's version whose key is used again.
	SealedKey SealedKey
	KeyOf     string
	// KeyLost is why the key in service could not be used again although the spec asks for it; it is kept in an event.
	KeyLost string
}

// Orders stores orders, so that none is placed twice and none is lost. Every order is looked up together with its
// certificate: the ID of another one's is an Operator fault "UnknownOrder". Faults: Wait "DatabaseUnavailable".
type Orders interface {
	// FindOrder reads the certificate's record and its order in flight (planned or placed), nil if there is none, in
	// one statement. An order that is found counts as worked on from then on, whatever failed before.
	FindOrder(ctx context.Context, certificate string) (domain.Record, *StoredOrder, error)
	// OpenOrder stores the certificate (if new), the sealed key and the order as planned, in one transaction. The first
	// writer wins: if the certificate has an order in flight or the key has one, that one is returned and nothing is
	// stored. A Wait fault "SameNamesInFlight" means that another certificate has an order in flight for the same
	// issuer, profile and names; one that has expired, or that nobody works on, is abandoned and does not count.
	OpenOrder(ctx context.Context, order NewOrder) (StoredOrder, error)
	// RecordPlaced stores the order's URL and returns the one that is stored: the first writer wins. Two workers on one
	// step may both have placed an order; the caller MUST go on with the stored one. An order that was abandoned
	// meanwhile is a Wait fault "OrderAbandoned", for good.
	RecordPlaced(ctx context.Context, certificate, orderID, url string, expires time.Time) (storedURL string, err error)
	// AbandonOrder gives an order up and removes its HTTP tokens. Idempotent; an issued order stays issued.
	AbandonOrder(ctx context.Context, certificate, orderID, reason string) error
}
