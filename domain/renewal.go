package domain

import "time"

// Window is the CA's suggestion when to renew (RFC 9773 §4.2).
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// ExplanationURL is shown to people when the CA gives one.
	ExplanationURL string `json:"explanationURL,omitempty"`
}

// RenewalPlan is the instant chosen to replace a certificate, and why. Reason is stable, Message is for people.
type RenewalPlan struct {
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	// Fraction is the random draw in [0,1), made once for a certificate and kept.
	Fraction float64 `json:"fraction"`
	// Window is the CA's suggestion, if it gave one.
	Window *Window `json:"window,omitempty"`
}
