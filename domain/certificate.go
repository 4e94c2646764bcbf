package domain

import "time"

// Certificate is the whole state of one certificate's workflow: its input, and what each run hands to the next on
// continue-as-new. A caller sets only Spec. Fields are only ever added.
type Certificate struct {
	Spec Spec `json:"spec"`
	// Cycle counts issuances: 1 while the first certificate is obtained. It names an issuance for idempotency.
	Cycle int `json:"cycle,omitempty"`
	// Issued is the certificate in service, nil before the first.
	Issued *Issued `json:"issued,omitempty"`
	// Renewal says when Issued is to be replaced.
	Renewal *RenewalPlan `json:"renewal,omitempty"`
	// Failure is the last attempt's failure, nil after a success.
	Failure *Failure `json:"failure,omitempty"`
	// Reissue asks for a new certificate before Renewal is due: the spec changed or a caller asked.
	Reissue bool `json:"reissue,omitempty"`
	// Revoking are the certificates to revoke once they are replaced, oldest request first.
	Revoking []Revocation `json:"revoking,omitempty"`
	// IssuedFor is the spec that Issued was issued for; nil for one of before this was kept.
	IssuedFor *Spec `json:"issuedFor,omitempty"`
	// Deliveries are the targets of Spec, and those that are still to be cleared, with how they stand.
	Deliveries []Delivery `json:"deliveries,omitempty"`
	// Retiring says that somebody gave the certificate up: the workflow ends when its targets are cleared.
	Retiring bool `json:"retiring,omitempty"`
	// Left are the targets that keep the certificate although it was given up.
	Left []Delivery `json:"left,omitempty"`
}

// Issued describes a certificate that is stored. It holds nothing secret.
type Issued struct {
	// Version is the stored version's ID; key and chain are found by it.
	Version string `json:"version"`
	// Issuer is the configured issuer's name, IssuerCN the signing certificate's common name.
	Issuer   string   `json:"issuer"`
	IssuerCN string   `json:"issuerCN,omitempty"`
	Names    []string `json:"names"`
	// Serial is in lower-case hexadecimal.
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	// ARIID is the certificate's identifier for renewalInfo and replaces (RFC 9773 §4.1).
	ARIID string `json:"ariID,omitempty"`
	// AccountURL is the ACME account that obtained it: replaces is sent only under the same account.
	AccountURL string `json:"accountURL,omitempty"`
	// KeyType and Profile are those of the spec that it was issued for. Certificates of before they were kept have neither.
	KeyType KeyType `json:"keyType,omitempty"`
	Profile string  `json:"profile,omitempty"`
	// Revoked says that it was revoked while in service, by somebody who wanted no replacement.
	Revoked bool `json:"revoked,omitempty"`
}

// Failure is a state, not an exit: what went wrong last and when it is tried again.
type Failure struct {
	Fault Fault `json:"fault"`
	// Attempts counts failures since the last success.
	Attempts int `json:"attempts"`
	// Told counts failures in a row after which the other side said how long to wait.
	Told    int       `json:"told,omitempty"`
	At      time.Time `json:"at"`
	RetryAt time.Time `json:"retryAt"`
	// Step is the step that failed.
	Step string `json:"step,omitempty"`
	// Issuer is the issuer that was asked, where there are several.
	Issuer string `json:"issuer,omitempty"`
	// Answer reports whether callers who wait are answered with it at once, Holds whether a Renew without force waits for
	// RetryAt. The failure policy sets both.
	Answer bool `json:"answer,omitempty"`
	Holds  bool `json:"holds,omitempty"`
}

// Phase is one word for where a certificate is.
type Phase string

const (
	// PhaseIssuing: a certificate is being obtained or replaced right now.
	PhaseIssuing Phase = "Issuing"
	// PhaseReady: the certificate is in service and its renewal is planned.
	PhaseReady Phase = "Ready"
	// PhaseFailing: the last attempt failed; the next is planned. An older certificate may still be in service.
	PhaseFailing Phase = "Failing"
	// PhaseChecking: the workflow was reset, and has not read yet what is in service. It is in Status alone.
	PhaseChecking Phase = "Checking"
	// PhaseReleased: it was given up, and nobody renews it. It is in the answer to Retire alone.
	PhaseReleased Phase = "Released"
)

// Status is what the Status query and the updates answer.
type Status struct {
	Name  string `json:"name"`
	Phase Phase  `json:"phase"`
	// Step is the step at work while Issuing.
	Step    string       `json:"step,omitempty"`
	Cycle   int          `json:"cycle"`
	Spec    Spec         `json:"spec"`
	Issued  *Issued      `json:"issued,omitempty"`
	Renewal *RenewalPlan `json:"renewal,omitempty"`
	Failure *Failure     `json:"failure,omitempty"`
	// Revoking are the certificates that are still to be revoked.
	Revoking []Revocation `json:"revoking,omitempty"`
	// Deliveries are the targets with how they stand; of a certificate that was given up, those that keep it.
	Deliveries []Delivery `json:"deliveries,omitempty"`
	// Changes say what an Ensure has changed; they are in its answer alone.
	Changes []string `json:"changes,omitempty"`
	// Already says that Retire found the certificate given up before; it is in its answer alone.
	Already bool `json:"already,omitempty"`
}
