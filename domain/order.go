package domain

import "time"

// OrderStatus is an ACME order's status (RFC 8555 §7.1.6).
type OrderStatus string

const (
	OrderPending    OrderStatus = "pending"
	OrderReady      OrderStatus = "ready"
	OrderProcessing OrderStatus = "processing"
	OrderValid      OrderStatus = "valid"
	OrderInvalid    OrderStatus = "invalid"
)

// Order is an ACME order as the CA last showed it.
type Order struct {
	// ID is ours, the stored order's; empty until stored.
	ID     string `json:"id,omitempty"`
	Issuer string `json:"issuer"`
	// URL identifies the order at the CA.
	URL            string      `json:"url"`
	Status         OrderStatus `json:"status"`
	Authorizations []string    `json:"authorizations,omitempty"`
	FinalizeURL    string      `json:"finalizeURL,omitempty"`
	// CertificateURL is set once the order is valid.
	CertificateURL string    `json:"certificateURL,omitempty"`
	Expires        time.Time `json:"expires,omitzero"`
	// RetryAfter is how long the CA asked to wait before the next look; zero if it did not say.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
	// Problem is why an invalid order failed, without secrets.
	Problem string `json:"problem,omitempty"`
	// Fault is the same for the workflow, where the CA said why.
	Fault *Fault `json:"fault,omitempty"`
}

// AuthorizationStatus is an ACME authorization's or challenge's status (RFC 8555 §7.1.6). Others than these are not
// distinguished.
type AuthorizationStatus string

const (
	AuthorizationPending AuthorizationStatus = "pending"
	AuthorizationValid   AuthorizationStatus = "valid"
	AuthorizationInvalid AuthorizationStatus = "invalid"
)

// Authorization is an ACME authorization as the CA last showed it.
type Authorization struct {
	URL string
	// Name is the identifier, with "*." in front for a wildcard.
	Name string
	// Status is pending, valid, invalid, deactivated, expired or revoked.
	Status     AuthorizationStatus
	Challenges []Challenge
	RetryAfter time.Duration
	// Fault is why it is not valid any more: set for every status but pending and valid.
	Fault *Fault
}

// Challenge is one way to prove control of a name. KeyAuthorization is not secret once presented, but is kept out
// of histories all the same: activities fetch it again.
type Challenge struct {
	Type             ChallengeType
	URL              string
	Status           AuthorizationStatus
	Name             string
	Token            string
	KeyAuthorization string
}
