package ports

import "everleaf/domain"

// A Nexus operation that takes as long as an issuance is carried by its own workflow, which ends with it. The type's
// name is in recorded histories and is never changed.
const NexusWorkflow = "NexusRequest"

// NexusWorkflowID is the ID of the workflow that carries one operation. requestID is the Nexus request's: the same for
// each repeat of it, and no other request's.
func NexusWorkflowID(operation, certificate, requestID string) string {
	return "nexus/" + certificate + "/" + operation + "/" + requestID
}

// NexusRequest is the input of a NexusWorkflow. It answers a domain.Status. Fields are only ever added.
type NexusRequest struct {
	// Operation is NexusEnsureOperation, NexusRenewOperation, NexusRevokeOperation or NexusRetireOperation.
	Operation   string `json:"operation"`
	Certificate string `json:"certificate"`
	// ID is the Nexus request's.
	ID string `json:"id"`
	// The argument of the operation; the others are nil.
	Ensure *EnsureRequest `json:"ensure,omitempty"`
	Renew  *RenewRequest  `json:"renew,omitempty"`
	Revoke *RevokeRequest `json:"revoke,omitempty"`
	Retire *RetireRequest `json:"retire,omitempty"`
}

// The steps of a Nexus operation, in order.
var (
	// LocateCertificate finds the run of the certificate's workflow that the request is for. It changes nothing.
	LocateCertificate = Step[LocateCertificateInput, LocateCertificateOutput]{Name: "LocateCertificate",
		Summary: "find the certificate's workflow"}
	// CarryRequest sends the request to that run and waits for its answer. A Wait fault "RunEnded" says that the run
	// ended before it carried the request out. Idempotency key: NexusRequest.ID and the run.
	CarryRequest = Step[CarryRequestInput, CarryRequestOutput]{Name: "CarryRequest",
		Summary: "ask the certificate's workflow, wait for its answer"}
)

// LocateCertificateInput names the certificate.
type LocateCertificateInput struct {
	Certificate string `json:"certificate"`
}

// LocateCertificateOutput holds the run's ID.
type LocateCertificateOutput struct {
	Run string `json:"run"`
}

// CarryRequestInput is the request and its run; Ensure needs none.
type CarryRequestInput struct {
	Request NexusRequest `json:"request"`
	Run     string       `json:"run,omitempty"`
}

// CarryRequestOutput is the answer.
type CarryRequestOutput struct {
	Status domain.Status `json:"status"`
}
