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
	// StatusQuery answers a domain.Status.
	StatusQuery = "Status"
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
}

// RenewRequest is the argument of the Renew update.
type RenewRequest struct {
	// Note is kept in the history for people.
	Note string `json:"note,omitempty"`
}
