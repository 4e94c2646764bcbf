package ports

import (
	"strings"

	"everleaf/domain"
)

// What a caller of this microservice uses. These literals are in recorded histories and in callers' code: they are
// never changed.
const (
	// TaskQueue is where workers poll.
	TaskQueue = "everleaf"
	// CertificateWorkflow is the workflow type.
	CertificateWorkflow = "Certificate"
	// WorkflowIDPrefix and the certificate's name make the workflow ID.
	WorkflowIDPrefix = "certificate/"
	// EnsureUpdate starts or changes a certificate; it answers when issued or with a problem.
	EnsureUpdate = "Ensure"
	// RenewUpdate replaces the certificate now; it answers when issued or with a problem.
	RenewUpdate = "Renew"
	// RevokeUpdate replaces the certificate and then revokes the one that was in service; it answers when that is done
	// or with a problem.
	RevokeUpdate = "Revoke"
	// RetireUpdate gives the certificate up: its workflow ends, what is stored stays. It answers when that is done or
	// with a problem.
	RetireUpdate = "Retire"
	// RecordChangedSignal says that what Postgres stores of the certificate has changed: the workflow reads it again.
	// It has no argument, and one that is sent all the same is ignored. It is the service's own: see Notifier.
	RecordChangedSignal = "RecordChanged"
	// StatusQuery answers a domain.Status.
	StatusQuery = "Status"
)

// Each kind of work that wants its own slots has its own task queue: the base queue's name and a suffix.
const (
	authorizationSuffix = "-authorization"
	nexusSuffix         = "-nexus"
	deliverySuffix      = "-delivery"
)

// AuthorizationTaskQueue is where the long work of an issuance waits for a worker, for workflows on the queue base.
func AuthorizationTaskQueue(base string) string { return base + authorizationSuffix }

// OfAuthorizationTaskQueue is the queue of the workflows for which an authorization queue is.
func OfAuthorizationTaskQueue(queue string) (base string) {
	return strings.TrimSuffix(queue, authorizationSuffix)
}

// NexusTaskQueue is the target of a Nexus endpoint for this service, for workflows on the queue base.
func NexusTaskQueue(base string) string { return base + nexusSuffix }

// DeliveryTaskQueue is where deliveries to targets on host wait for a worker there; the empty host is for targets that
// every delivery worker reaches.
func DeliveryTaskQueue(base, host string) string {
	if host == "" {
		return base + deliverySuffix
	}
	return base + deliverySuffix + "-" + host
}

// What a caller in another namespace uses: a Nexus service and its operations, which are those of Keeper. The input of
// each is the type of its name with Nexus before it; each answers a domain.Status.
const (
	NexusService         = "everleaf"
	NexusEnsureOperation = "Ensure"
	NexusRenewOperation  = "Renew"
	NexusRevokeOperation = "Revoke"
	NexusRetireOperation = "Retire"
	NexusStatusOperation = "Status"
)

// Search attributes of a Certificate workflow, and their types. They must be known to the namespace before a worker
// starts.
const (
	// SearchState is a Keyword: a domain.Phase.
	SearchState = "EverleafState"
	// SearchIssuer is a Keyword: the configured issuer of the certificate in service.
	SearchIssuer = "EverleafIssuer"
	// SearchNotAfter is a Datetime: the end of validity of the certificate in service.
	SearchNotAfter = "EverleafNotAfter"
	// SearchNextRenewal is a Datetime: when it is to be replaced.
	SearchNextRenewal = "EverleafNextRenewal"
	// SearchNames is a KeywordList: the names asked for.
	SearchNames = "EverleafNames"
)

// WorkflowID is the ID of the workflow that keeps the certificate called name.
func WorkflowID(name string) string { return WorkflowIDPrefix + name }

// CertificateName is the certificate's name in a workflow ID; ok is false if the ID is not one of ours.
func CertificateName(workflowID string) (name string, ok bool) {
	name, ok = strings.CutPrefix(workflowID, WorkflowIDPrefix)
	return name, ok && name != ""
}

// EnsureRequest is the argument of the Ensure update.
type EnsureRequest struct {
	Spec domain.Spec `json:"spec"`
	// ExpectedGeneration is the Status.Generation that the spec was made from, 0 for a certificate that is not stored.
	// Any other is a Spec fault "GenerationConflict", and nothing is changed. Nil takes whatever there is.
	ExpectedGeneration *int64 `json:"expectedGeneration,omitempty"`
	// DryRun answers with what would change, and starts and changes nothing. ExpectedGeneration is not looked at.
	DryRun bool `json:"dryRun,omitempty"`
	// Caller names who asks, for people, as user@host or a service's name; the caller says it, and nothing follows
	// from it.
	Caller string `json:"caller,omitempty"`
}

// Check refuses what can never be carried out, with a Spec fault that names the field.
func (r EnsureRequest) Check() error {
	_, err := r.Spec.Validated()
	return err
}

// RenewRequest is the argument of the Renew update.
type RenewRequest struct {
	// Force tries at once even where a CA has asked to wait. It is for an operator who knows that the wait is
	// over.
	Force bool `json:"force,omitempty"`
	// Note is kept in the history for people.
	Note string `json:"note,omitempty"`
	// Caller is as in EnsureRequest.
	Caller string `json:"caller,omitempty"`
}

// Check refuses what can never be carried out, with a Spec fault that names the field.
func (r RenewRequest) Check() error { return domain.ValidateNote(r.Note) }

// RevokeRequest is the argument of the Revoke update.
type RevokeRequest struct {
	// Reason is why, for the CA's revocation list.
	Reason domain.RevocationReason `json:"reason,omitempty"`
	// SignedBy says whose key signs the request to the CA; empty means the account's.
	SignedBy domain.RevocationSigner `json:"signedBy,omitempty"`
	// WithoutReplacement revokes the certificate while it is in service.
	WithoutReplacement bool `json:"withoutReplacement,omitempty"`
	// Note is kept in the history for people.
	Note string `json:"note,omitempty"`
	// Caller is as in EnsureRequest.
	Caller string `json:"caller,omitempty"`
}

// Check refuses what can never be carried out, with a Spec fault that names the field.
func (r RevokeRequest) Check() error {
	if _, err := r.Reason.Code(); err != nil {
		return err
	}
	if err := r.SignedBy.Check(); err != nil {
		return err
	}
	return domain.ValidateNote(r.Note)
}

// RetireRequest is the argument of the Retire update.
type RetireRequest struct {
	// RemoveDeliveries clears the certificate's targets first.
	RemoveDeliveries bool `json:"removeDeliveries,omitempty"`
	// Note is kept in the history for people.
	Note string `json:"note,omitempty"`
	// Caller is as in EnsureRequest.
	Caller string `json:"caller,omitempty"`
}

// Check refuses what can never be carried out, with a Spec fault that names the field.
func (r RetireRequest) Check() error { return domain.ValidateNote(r.Note) }

// StartInput is the input of a Certificate workflow that a caller starts. Any other field is refused.
type StartInput struct {
	// Spec is what is wanted; it is required unless Resume is set.
	Spec domain.Spec `json:"spec,omitzero"`
	// Resume has the workflow go on with what is stored of the certificate, whatever Spec says: it is kept, or retired,
	// as before. One of which nothing is stored is refused: Spec "UnknownCertificate".
	Resume bool `json:"resume,omitempty"`
	// ExpectedGeneration is that of EnsureRequest. An update with start has it in both.
	ExpectedGeneration *int64 `json:"expectedGeneration,omitempty"`
	// Caller is as in EnsureRequest.
	Caller string `json:"caller,omitempty"`
}

// The inputs of the Nexus operations: a certificate's name and the argument of the update of the same name.
type (
	// NexusEnsure is the input of the operation Ensure.
	NexusEnsure struct {
		Name string `json:"name"`
		EnsureRequest
	}
	// NexusRenew is the input of the operation Renew.
	NexusRenew struct {
		Name string `json:"name"`
		RenewRequest
	}
	// NexusRevoke is the input of the operation Revoke.
	NexusRevoke struct {
		Name string `json:"name"`
		RevokeRequest
	}
	// NexusRetire is the input of the operation Retire.
	NexusRetire struct {
		Name string `json:"name"`
		RetireRequest
	}
	// NexusStatus is the input of the operation Status.
	NexusStatus struct {
		Name string `json:"name"`
	}
)
