package domain

import "time"

// Severity says how much a certificate wants a person's attention.
type Severity string

const (
	// SeverityNone: all is well, or will be in good time.
	SeverityNone Severity = "none"
	// SeverityInfo: something failed, and there is plenty of time.
	SeverityInfo Severity = "info"
	// SeverityWarning: it failed, and less than a third of the certificate's life is left, or there is none in service.
	SeverityWarning Severity = "warning"
	// SeverityCritical: it failed and less than a sixth of its life is left; or half of that, whatever happened.
	SeverityCritical Severity = "critical"
)

// A certificate's life in parts of which this much is left.
const (
	warningPart  = 3
	criticalPart = 6
	lastPart     = 12
)

// SeverityOf judges by the time that is left to expiry, not by how often something failed.
func SeverityOf(now time.Time, issued *Issued, failure *Failure) Severity {
	if issued == nil {
		if failure == nil {
			return SeverityNone
		}
		return SeverityWarning
	}
	l := lifeOf(*issued)
	left := issued.NotAfter.Sub(now)
	switch {
	case left <= l.length/lastPart || failure != nil && left <= l.length/criticalPart:
		return SeverityCritical
	case failure != nil && left <= l.length/warningPart:
		return SeverityWarning
	case failure != nil:
		return SeverityInfo
	default:
		return SeverityNone
	}
}
