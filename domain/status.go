package domain

// Phase is one word for where a certificate is.
type Phase string

const (
	// PhaseIssuing: a certificate is being obtained or replaced right now.
	PhaseIssuing Phase = "Issuing"
	// PhaseReady: the certificate is in service and its renewal is planned.
	PhaseReady Phase = "Ready"
	// PhaseFailing: the last attempt failed; the next is planned. An older certificate may still be in service.
	PhaseFailing Phase = "Failing"
	// PhaseChecking: the workflow was reset, or cannot read what is stored, and does not know what is in service. It is
	// in Status alone.
	PhaseChecking Phase = "Checking"
	// PhaseRetiring: somebody has retired it, and something is left to do, such as clearing its targets. Nobody renews
	// it. It is in Status and in lists alone.
	PhaseRetiring Phase = "Retiring"
	// PhaseReleased: it is retired, and nobody renews it. It is in the answer to Retire and in lists alone.
	PhaseReleased Phase = "Released"
	// PhaseNoWorkflow: it is stored and not released, but its workflow has ended or is gone: nobody renews it. It is in
	// what a caller concludes from Postgres and Temporal alone.
	PhaseNoWorkflow Phase = "NoWorkflow"
	// PhaseRevoked: the certificate in service is revoked, and not replaced. It is in lists alone.
	PhaseRevoked Phase = "Revoked"
)

// Status is what the Status query and the updates answer.
type Status struct {
	// Name is the certificate's name.
	Name string `json:"name"`
	// Phase is where the certificate is.
	Phase Phase `json:"phase"`
	// Generation counts the changes of Spec, the first one among them. It is left out until Postgres has counted.
	Generation int64 `json:"generation,omitempty"`
	// Step is the step at work that matters most.
	Step string `json:"step,omitempty"`
	// Cycle counts the certificates that the workflow has obtained, over all of its runs; 0 before the first.
	Cycle int `json:"cycle"`
	// Spec is what was asked for last, with its defaults.
	Spec Spec `json:"spec"`
	// Issued is the certificate in service.
	Issued *Issued `json:"issued,omitempty"`
	// Renewal is when the certificate in service is to be replaced, and why then.
	Renewal *RenewalPlan `json:"renewal,omitempty"`
	// Failure is why the last attempt failed, and when the next one is.
	Failure *Failure `json:"failure,omitempty"`
	// Revoking are the certificates that are still to be revoked.
	Revoking []Revocation `json:"revoking,omitempty"`
	// Deliveries are the targets with how they stand; of a certificate that is retired, those that keep it.
	Deliveries []Delivery `json:"deliveries,omitempty"`
	// Changes say what an Ensure has changed, or would change in a dry run; they are in its answer alone.
	Changes []string `json:"changes,omitempty"`
	// DryRun reports whether it is the answer to a dry run.
	DryRun bool `json:"dryRun,omitempty"`
	// WouldIssue reports whether a certificate would be obtained; it is in the answer to a dry run alone.
	WouldIssue bool `json:"wouldIssue,omitempty"`
	// Revoked is the serial of what a Revoke was about; it is in its answer alone.
	Revoked string `json:"revoked,omitempty"`
	// Already reports whether Retire found the certificate retired before; it is in its answer alone.
	Already bool `json:"already,omitempty"`
}
