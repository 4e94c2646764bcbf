package domain

import "time"

// Advice is a CA's answer to when a certificate should be renewed (RFC 9773 §4).
type Advice struct {
	// Window is nil if the CA has no renewalInfo, cannot be asked about this certificate, or gave a window that is none
	// (§4.2: "the client MUST act as if it had received no response").
	Window *Window
	// RetryAfter is when the CA wants to be asked again; zero if it did not say.
	RetryAfter time.Duration
	// Unsupported reports whether the CA has no renewalInfo at all: there is nothing to ask again.
	Unsupported bool
}

const (
	// minARICheck and maxARICheck hold the CA's Retry-After (RFC 9773 §4.3.2: "SHOULD set reasonable limits", with
	// these examples).
	minARICheck, maxARICheck = time.Minute, 24 * time.Hour
	// longARICheck is the pause after a long-term error, an answer that is none, or one without Retry-After (§4.3.3).
	longARICheck = 6 * time.Hour
	// ariCheckTries bounds the tries after a temporary error, which begin a minute apart and double (§4.3.3).
	ariCheckTries = 5
)

// NextARICheck is how long to wait before the CA is asked again. fault is nil after an answer; failures counts the
// errors in a row, this one among them.
func NextARICheck(advice Advice, fault *Fault, failures int) time.Duration {
	switch {
	case fault == nil && advice.Unsupported:
		return maxARICheck
	case fault == nil && advice.Window != nil && advice.RetryAfter > 0:
		return min(max(advice.RetryAfter, minARICheck), maxARICheck)
	case fault == nil:
		return longARICheck
	case fault.RetryAfter > 0:
		return min(max(fault.RetryAfter, minARICheck), maxARICheck)
	case fault.Transient() && failures < ariCheckTries:
		return minARICheck << max(0, failures-1)
	default:
		return longARICheck
	}
}
