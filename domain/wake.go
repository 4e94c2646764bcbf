package domain

import "time"

// Wake is when the next attempt is due, and why. An instant that is not after now means at once.
//
// Reissue is answered at once even while a failure waits: somebody changed the spec or asked, perhaps because the
// fault is mended. Only a CA's rate limit holds it back. So whoever starts an attempt MUST clear Reissue first, or
// a failing one is repeated without a pause.
//
// Reasons: "NotIssued", "Reissue", "RateLimited" (a reissue that is held back), "Retry", "Renewal", "Unplanned" (a
// certificate without a renewal plan: one is made on the way).
func (c Certificate) Wake(now time.Time) (at time.Time, reason string) {
	limited := c.Failure != nil && c.Failure.Fault.Kind == FaultRateLimited
	switch {
	case c.Reissue && limited:
		return c.Failure.RetryAt, "RateLimited"
	case c.Reissue:
		return now, "Reissue"
	case c.Failure != nil:
		return c.Failure.RetryAt, "Retry"
	case c.Issued == nil:
		return now, "NotIssued"
	case c.Renewal != nil:
		return c.Renewal.At, "Renewal"
	default:
		return now, "Unplanned"
	}
}
