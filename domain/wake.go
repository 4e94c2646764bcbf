package domain

import "time"

// Reasons to wake that a workflow acts on.
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

// Wake is when the next attempt is due, and why. An instant that is not after now means at once.
//
// Reissue is answered at once even while a failure waits: somebody changed the spec or asked, perhaps because the
// fault is mended. Only a CA's rate limit holds it back. So whoever starts an attempt MUST clear Reissue first, or
// a failing one is repeated without a pause.
//
// Reasons: "NotIssued", "Reissue", "RateLimited" (a reissue that is held back), "Retry", "Renewal", "Unplanned" (a
// certificate without a renewal plan: one is made on the way), "Revocation" (nothing is to be obtained: a certificate that
// is replaced is to be revoked), "Delivery" (one is to be delivered, or a target to be cleared), "Retired" (all is done for one that
// was given up).
func (c Certificate) Wake(now time.Time) (at time.Time, reason string) {
	at, reason = c.wakeToIssue(now)
	if c.Retiring {
		if len(c.Revoking) == 0 && len(c.Deliveries) == 0 {
			return now, WakeRetired
		}
		at, reason = now.Add(maxTold), WakeRetired // nothing is obtained any more; what is left has its own instants
	}
	for _, revocation := range c.Revoking {
		if due, ok := revocation.Due(c.Issued); ok && due.Before(at) {
			at, reason = due, WakeRevocation
		}
	}
	for _, delivery := range c.Deliveries {
		if due, ok := delivery.Due(c.Issued); ok && due.Before(at) {
			at, reason = due, WakeDelivery
		}
	}
	return at, reason
}

func (c Certificate) wakeToIssue(now time.Time) (at time.Time, reason string) {
	limited := c.Failure != nil && c.Failure.Fault.Kind == FaultRateLimited
	switch {
	case c.Reissue && limited:
		return c.Failure.RetryAt, "RateLimited"
	case c.Reissue:
		return now, "Reissue"
	case c.Failure != nil:
		return c.Failure.RetryAt, WakeRetry
	case c.Issued == nil:
		return now, "NotIssued"
	case c.Renewal != nil:
		return c.Renewal.At, WakeRenewal
	default:
		return now, "Unplanned"
	}
}
