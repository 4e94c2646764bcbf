package ports

import (
	"time"

	"everleaf/domain"
)

// The steps of an issuance, in order. Each happens at least once, so each has an idempotency key and finds what an
// earlier try left behind. Nothing secret is in an input or an output.
var (
	// PlaceOrder stores a sealed key and its CSR, places the order and stores its URL; or finds the order that an
	// earlier try placed. Idempotency key: PlaceOrderInput.Key.
	PlaceOrder = Step[PlaceOrderInput, PlaceOrderOutput]{Name: "PlaceOrder", Summary: "store a key, place the order"}
	// AuthorizeOrder shows control of every name and waits for the CA to see it. It removes its challenges once the CA is
	// done with them; those of a try that is cut short are the next try's or RecordFailure's. Idempotency key: the
	// authorizations' URLs.
	AuthorizeOrder = Step[AuthorizeOrderInput, AuthorizeOrderOutput]{Name: "AuthorizeOrder", Summary: "show control of the names"}
	// FinalizeOrder finalizes with the stored CSR, downloads, verifies and stores the certificate. Idempotency
	// key: the stored order's ID.
	FinalizeOrder = Step[FinalizeOrderInput, FinalizeOrderOutput]{Name: "FinalizeOrder", Summary: "finalize, download, verify, store"}
	// ObtainCertificate does what AuthorizeOrder, FinalizeOrder and PlanRenewal do, one after the other, outside the
	// workflow task: a slow CA holds up nobody else. A fault names the step in Fault.Step. Idempotency key: the stored
	// order's ID.
	ObtainCertificate = Step[ObtainCertificateInput, ObtainCertificateOutput]{Name: "ObtainCertificate", Summary: "show control of the names, finalize, store, plan"}
	// RevokeCertificate revokes a stored certificate at the CA that issued it. Idempotency key: the version.
	RevokeCertificate = Step[RevokeCertificateInput, RevokeCertificateOutput]{Name: "RevokeCertificate", Summary: "revoke the replaced certificate"}
	// DeliverCertificate delivers a version to one target and notes it. Idempotency key: target and version.
	DeliverCertificate = Step[DeliverCertificateInput, DeliverCertificateOutput]{Name: "DeliverCertificate", Summary: "deliver to a target"}
	// RemoveDelivery takes the certificate away from one target and notes it. Idempotency key: certificate and target.
	RemoveDelivery = Step[RemoveDeliveryInput, RemoveDeliveryOutput]{Name: "RemoveDelivery", Summary: "clear a target"}
	// RecordUndelivered makes a failed delivery readable and says when it is tried again. Idempotency key: the target and the
	// failure's instant.
	RecordUndelivered = Step[RecordUndeliveredInput, RecordUndeliveredOutput]{Name: "RecordUndelivered", Summary: "make the failed delivery readable"}
	// RecordChange notes what a caller changed, and stores the spec if no certificate has to be issued for it. Idempotency
	// key: the certificate and the change's instant.
	RecordChange = Step[RecordChangeInput, RecordChangeOutput]{Name: "RecordChange", Summary: "note the change"}
	// RecordRevoking notes what is to be revoked, and how that stands. Idempotency key: the versions.
	RecordRevoking = Step[RecordRevokingInput, RecordRevokingOutput]{Name: "RecordRevoking", Summary: "note what is to be revoked"}
	// RecordReleased notes that a certificate is kept no more. Idempotency key: the certificate.
	RecordReleased = Step[RecordReleasedInput, RecordReleasedOutput]{Name: "RecordReleased", Summary: "note that it is kept no more"}
	// PlanRenewal asks the CA when to renew, decides and stores the decision. Idempotency key: the version.
	PlanRenewal = Step[PlanRenewalInput, PlanRenewalOutput]{Name: "PlanRenewal", Summary: "choose the renewal instant"}
	// RecordFailure makes a failed attempt readable and removes its challenges. Idempotency key: the certificate
	// and the failure's instant.
	RecordFailure = Step[RecordFailureInput, RecordFailureOutput]{Name: "RecordFailure", Summary: "make the failure readable"}
)

// PlaceOrderInput asks for an order for one issuance.
type PlaceOrderInput struct {
	Certificate string `json:"certificate"`
	// Key names the issuance: the same key never leads to a second certificate.
	Key    string      `json:"key"`
	Spec   domain.Spec `json:"spec"`
	Issuer string      `json:"issuer"`
	// Predecessor is the certificate that this issuance replaces, if there is one.
	Predecessor *domain.Issued `json:"predecessor,omitempty"`
	// Planned is the instant for which this renewal was planned; zero for an issuance that somebody asked for.
	Planned time.Time `json:"planned,omitzero"`
	// FreshKey asks for a new key although the spec keeps it.
	FreshKey bool `json:"freshKey,omitempty"`
	// Adopt accepts a stored certificate in service that fulfils the spec in place of an order: the workflow is new, the
	// certificate need not be.
	Adopt bool `json:"adopt,omitempty"`
}

// PlaceOrderOutput is the order to go on with.
type PlaceOrderOutput struct {
	Order domain.Order `json:"order"`
	// Resumed says that an earlier try had placed it.
	Resumed bool `json:"resumed,omitempty"`
	// Outdated says that the order has issued already, but for an earlier spec: another issuance must follow.
	Outdated bool `json:"outdated,omitempty"`
	// Adopted is a certificate in service that was found in place of an order, with its plan if it has one.
	Adopted *domain.Issued      `json:"adopted,omitempty"`
	Plan    *domain.RenewalPlan `json:"plan,omitempty"`
	// Revoking are revocations that an earlier workflow of this certificate has left, if PlaceOrderInput.Adopt.
	Revoking []domain.Revocation `json:"revoking,omitempty"`
	// Delivered are the targets that an earlier workflow of this certificate has not cleared, if PlaceOrderInput.Adopt.
	Delivered []domain.Delivery `json:"delivered,omitempty"`
}

// AuthorizeOrderInput names the order whose authorizations are wanted.
type AuthorizeOrderInput struct {
	Certificate string               `json:"certificate"`
	Order       domain.Order         `json:"order"`
	Challenge   domain.ChallengeType `json:"challenge"`
	// Forced says that an administrator knows better than what was counted: the CA is asked to validate all the same.
	Forced bool `json:"forced,omitempty"`
}

// AuthorizeOrderOutput says what was shown anew and what was valid already.
type AuthorizeOrderOutput struct {
	Authorized   []string `json:"authorized,omitempty"`
	AlreadyValid []string `json:"alreadyValid,omitempty"`
}

// FinalizeOrderInput names the order to finalize.
type FinalizeOrderInput struct {
	Certificate string       `json:"certificate"`
	Order       domain.Order `json:"order"`
}

// FinalizeOrderOutput holds the stored certificate, or how long to wait while the CA is still issuing.
type FinalizeOrderOutput struct {
	Issued *domain.Issued `json:"issued,omitempty"`
	// RetryAfter is set while the order is processing.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
}

// PlanRenewalInput names the certificate to plan for.
type PlanRenewalInput struct {
	Certificate string        `json:"certificate"`
	Issued      domain.Issued `json:"issued"`
}

// PlanRenewalOutput is the decision.
type PlanRenewalOutput struct {
	Plan domain.RenewalPlan `json:"plan"`
}

// ObtainCertificateInput names the placed order and how control of its names is shown.
type ObtainCertificateInput struct {
	Certificate string               `json:"certificate"`
	Order       domain.Order         `json:"order"`
	Challenge   domain.ChallengeType `json:"challenge"`
	// Forced says that an administrator knows better than what was counted: the CA is asked to validate all the same.
	Forced bool `json:"forced,omitempty"`
}

// ObtainCertificateOutput holds the stored certificate and its plan, or how long to wait while the CA is still issuing.
type ObtainCertificateOutput struct {
	Issued *domain.Issued      `json:"issued,omitempty"`
	Plan   *domain.RenewalPlan `json:"plan,omitempty"`
	// RetryAfter is set while the order is processing: FinalizeOrder and PlanRenewal are left to do.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
}

// RevokeCertificateInput names the certificate to revoke.
type RevokeCertificateInput struct {
	Certificate string                  `json:"certificate"`
	Issued      domain.Issued           `json:"issued"`
	Reason      domain.RevocationReason `json:"reason,omitempty"`
	// SignedBy says whose key signs; empty means the account's.
	SignedBy domain.RevocationSigner `json:"signedBy,omitempty"`
}

// RevokeCertificateOutput says whether the CA had it as revoked already.
type RevokeCertificateOutput struct {
	Already bool `json:"already,omitempty"`
}

// DeliverCertificateInput names the version and the target.
type DeliverCertificateInput struct {
	Certificate string        `json:"certificate"`
	Target      string        `json:"target"`
	Issued      domain.Issued `json:"issued"`
}

// DeliverCertificateOutput says what the target said.
type DeliverCertificateOutput struct {
	Confirmation string `json:"confirmation,omitempty"`
}

// RemoveDeliveryInput names the target to clear.
type RemoveDeliveryInput struct {
	Certificate string `json:"certificate"`
	Target      string `json:"target"`
}

// RemoveDeliveryOutput is empty.
type RemoveDeliveryOutput struct{}

// RecordUndeliveredInput describes the failed delivery.
type RecordUndeliveredInput struct {
	Certificate string         `json:"certificate"`
	Target      string         `json:"target"`
	Version     string         `json:"version,omitempty"`
	Failure     domain.Failure `json:"failure"`
	// Previous is the failure before, nil if there is none.
	Previous *domain.Failure `json:"previous,omitempty"`
	// Issued is the certificate in service.
	Issued *domain.Issued `json:"issued,omitempty"`
}

// RecordUndeliveredOutput is the failure with when to try again.
type RecordUndeliveredOutput struct {
	Failure *domain.Failure `json:"failure,omitempty"`
}

// RecordChangeInput says what changed.
type RecordChangeInput struct {
	Certificate string      `json:"certificate"`
	Spec        domain.Spec `json:"spec"`
	Changes     []string    `json:"changes"`
	At          time.Time   `json:"at"`
	// Reissue says that a certificate has to be issued for it.
	Reissue bool `json:"reissue,omitempty"`
}

// RecordChangeOutput is empty.
type RecordChangeOutput struct{}

// RecordFailureInput describes the failed attempt.
type RecordFailureInput struct {
	Certificate string         `json:"certificate"`
	Spec        domain.Spec    `json:"spec"`
	OrderID     string         `json:"orderID,omitempty"`
	Failure     domain.Failure `json:"failure"`
	// Previous is the failure before, nil if there is none, and Issued the certificate in service.
	Previous *domain.Failure `json:"previous,omitempty"`
	Issued   *domain.Issued  `json:"issued,omitempty"`
	// Next is the issuer that is asked now, if there is another one: then this failure is no state, but a part of the story.
	Next string `json:"next,omitempty"`
}

// RecordFailureOutput is the failure as it was decided and stored; nil from a worker of an earlier release.
type RecordFailureOutput struct {
	Failure *domain.Failure `json:"failure,omitempty"`
}

// RecordRevokingInput says what is to be revoked.
type RecordRevokingInput struct {
	Certificate string              `json:"certificate"`
	Revoking    []domain.Revocation `json:"revoking"`
}

// RecordRevokingOutput is empty.
type RecordRevokingOutput struct{}

// RecordReleasedInput names the certificate that is kept no more.
type RecordReleasedInput struct {
	Certificate string `json:"certificate"`
	// Revoking are the revocations that are left undone: whoever takes the certificate up again goes on with them.
	Revoking []domain.Revocation `json:"revoking,omitempty"`
}

// RecordReleasedOutput says where the certificate stays delivered.
type RecordReleasedOutput struct {
	Delivered []domain.Delivery `json:"delivered,omitempty"`
}
