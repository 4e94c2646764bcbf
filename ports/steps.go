package ports

import (
	"time"

	"everleaf/domain"
)

// The steps of a certificate's workflow. Each happens at least once, so each has an idempotency key and finds what an
// earlier try left behind. Nothing secret is in an input or an output. An answer's Record is what Postgres stored when
// the step ended: the workflow believes it, and not its own memory.
//
// Each version that an input names is looked up together with the certificate: one of another certificate, or one that
// is not stored, is an Operator fault "UnknownVersion"; one that is not in service any more a Wait fault
// "VersionReplaced".
var (
	// ReserveOrder reads the record and decides whether a certificate has to be obtained. It touches Postgres alone and
	// runs as a local activity, or, where Postgres is slow, as an activity. Idempotent.
	ReserveOrder = Step[ReserveOrderInput, ReserveOrderOutput]{Name: "ReserveOrder",
		Summary: "see what is stored and what is needed"}
	// ObtainCertificate takes an issuance from the key to a stored certificate with its plan: key and CSR, newOrder,
	// authorizations, finalize, download, store, plan. It goes on where an earlier try ended. Idempotency key: the
	// certificate and the version that is replaced. Fault.Step names the part that failed.
	ObtainCertificate = Step[ObtainCertificateInput, ObtainCertificateOutput]{Name: "ObtainCertificate",
		Summary: "obtain the certificate from the CA"}
	// RevokeCertificate carries out the revocation that is stored for a version, at the CA that issued it. One that is
	// not pending any more is no failure. Idempotency key: the version.
	RevokeCertificate = Step[RevokeCertificateInput, RevokeCertificateOutput]{Name: "RevokeCertificate",
		Summary: "revoke a certificate"}
	// DeliverCertificate delivers the version in service to one target and records it. Idempotency key: target and
	// version.
	DeliverCertificate = Step[DeliverCertificateInput, DeliverCertificateOutput]{Name: "DeliverCertificate",
		Summary: "deliver to a target"}
	// RemoveDelivery clears one target and records it. Idempotency key: certificate and target.
	RemoveDelivery = Step[RemoveDeliveryInput, RemoveDeliveryOutput]{Name: domain.RemovalStep, Summary: "clear a target"}
	// RecordRequest validates and records what a caller asks for, with an event. It runs as ReserveOrder does, and
	// all Record steps do. Without a request it only reads the record. Idempotency key: the request's ID.
	RecordRequest = Step[RecordRequestInput, RecordRequestOutput]{Name: "RecordRequest", Summary: "record the request"}
	// RecordFailure decides what follows a failure, by the policy, and records it. Idempotency key: what failed, and
	// when.
	RecordFailure = Step[RecordFailureInput, RecordFailureOutput]{Name: "RecordFailure", Summary: "record the failure"}
	// RecordReleased records that the workflow ends, and removes what an attempt left to show to a CA. Idempotency key:
	// the certificate.
	RecordReleased = Step[RecordReleasedInput, RecordReleasedOutput]{Name: "RecordReleased", Summary: "record the end"}
)

// ReserveOrderInput says what is wanted.
type ReserveOrderInput struct {
	Certificate string      `json:"certificate"`
	Spec        domain.Spec `json:"spec"`
	// Issuer is the one that is to be asked; empty is the spec's first.
	Issuer string      `json:"issuer,omitempty"`
	Want   domain.Want `json:"want"`
	// At is the workflow's instant: the renewal is due by this clock.
	At time.Time `json:"at"`
}

// ReserveOrderOutput is the decision.
type ReserveOrderOutput = domain.Reserved

// ObtainCertificateInput names the issuance.
type ObtainCertificateInput struct {
	Certificate string      `json:"certificate"`
	Spec        domain.Spec `json:"spec"`
	Issuer      string      `json:"issuer,omitempty"`
	// Replaces is the version that must not be in service afterwards; another one that is there already is the answer.
	Replaces string `json:"replaces,omitempty"`
	NewKey   bool   `json:"newKey,omitempty"`
	// Force passes the count of failed validations.
	Force bool `json:"force,omitempty"`
	// Planned is the instant for which a renewal was planned; zero for what somebody asked for.
	Planned time.Time `json:"planned,omitzero"`
}

// ObtainCertificateOutput is the record with the certificate.
type ObtainCertificateOutput struct {
	Record domain.Record `json:"record"`
}

// RevokeCertificateInput names the version.
type RevokeCertificateInput struct {
	Certificate string `json:"certificate"`
	Version     string `json:"version"`
}

// RevokeCertificateOutput is the record without the pending revocation.
type RevokeCertificateOutput struct {
	Record domain.Record `json:"record"`
	// Already reports whether it was revoked, expired or not pending before.
	Already bool `json:"already,omitempty"`
}

// DeliverCertificateInput names the version and the target.
type DeliverCertificateInput struct {
	Certificate string `json:"certificate"`
	Target      string `json:"target"`
	Version     string `json:"version"`
}

// DeliverCertificateOutput is what the target answered, in a few words.
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

// RecordRequestInput is the request and what it is compared with.
type RecordRequestInput struct {
	Certificate string `json:"certificate"`
	// Request is nil to read only.
	Request *domain.Request `json:"request,omitempty"`
	// Before is the spec in force, of this generation, 0 until one is stored. Want is what was asked for and is not
	// obtained yet.
	Before     domain.Spec  `json:"before"`
	Generation int64        `json:"generation,omitempty"`
	Want       *domain.Want `json:"want,omitempty"`
}

// RecordRequestOutput is the record with the request, or why it is refused.
type RecordRequestOutput = domain.Recorded

// RecordFailureInput says what failed.
type RecordFailureInput struct {
	Certificate string `json:"certificate"`
	// Step failed at the instant At with Fault.
	Step  string       `json:"step"`
	Fault domain.Fault `json:"fault"`
	At    time.Time    `json:"at"`
	// Spec and Issuer are those of an attempt, Tried the issuers that failed in it before.
	Spec   domain.Spec      `json:"spec,omitzero"`
	Issuer string           `json:"issuer,omitempty"`
	Tried  []domain.Failure `json:"tried,omitempty"`
	// Target is that of a delivery or removal, Version that of a delivery or revocation.
	Target  string `json:"target,omitempty"`
	Version string `json:"version,omitempty"`
	// Previous is the failure before, nil if there is none.
	Previous *domain.Failure `json:"previous,omitempty"`
	// Issued is the certificate in service.
	Issued *domain.Issued `json:"issued,omitempty"`
}

// RecordFailureOutput is the policy's decision.
type RecordFailureOutput = domain.Decision

// RecordReleasedInput names the certificate.
type RecordReleasedInput struct {
	Certificate string `json:"certificate"`
	// At is the workflow's instant: a certificate that somebody asked for later is not released.
	At time.Time `json:"at"`
	// Cancelled reports whether the workflow was cancelled: otherwise a certificate is not released that nobody has
	// retired.
	Cancelled bool `json:"cancelled,omitempty"`
}

// RecordReleasedOutput is the record of the certificate that is released.
type RecordReleasedOutput struct {
	Record domain.Record `json:"record"`
}
