package domain

// Why a workflow acts: the reasons of a Want, and of what it waits for.
const (
	WakeRenewal    = "Renewal"
	WakeRetry      = "Retry"
	WakeRevocation = "Revocation"
	WakeDelivery   = "Delivery"
	WakeRetired    = "Retired"
	WakeChanged    = "Changed"
	WakeRequested  = "Requested"
	WakeNotIssued  = "NotIssued"
	WakeUnplanned  = "Unplanned"
	// WakeRead: nothing is wanted; the record is to be read.
	WakeRead = "Read"
	// WakeRequest: a request is to be recorded.
	WakeRequest = "Request"
)
