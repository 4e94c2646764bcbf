package domain

import (
	"strings"
	"time"
)

// FallsBack says that another CA may well issue where this one did not: the fault is the CA's own, or its limit is
// further away than patience. A fault of the name, the spec, the operator or our own side would follow to every CA.
func (f *Fault) FallsBack() bool {
	const patience = time.Hour
	switch f.Kind {
	case FaultCA:
		return true
	case FaultRateLimited:
		return f.Reason != ReasonTooManyFailedValidations && (f.RetryAfter == 0 || f.RetryAfter > patience)
	default:
		return false
	}
}

// Foremost is the failure that stands for an attempt in which several issuers failed: the one that is tried again first,
// of those after which another issuer may be asked. All of them are told.
func Foremost(failures []Failure) Failure {
	chosen := failures[0]
	for _, f := range failures[1:] {
		if f.Fault.FallsBack() && f.RetryAt.Before(chosen.RetryAt) {
			chosen = f
		}
	}
	if len(failures) == 1 {
		return chosen
	}
	var all []string
	for _, f := range failures {
		all = append(all, f.Issuer+": "+f.Fault.Message)
	}
	chosen.Fault.Message = oneLine(strings.Join(all, "; then "))
	return chosen
}

// Severity says how much a certificate wants a person's attention.
type Severity string

const (
	// SeverityNone: all is well, or mends itself in good time.
	SeverityNone Severity = "none"
	// SeverityInfo: something failed, and there is plenty of time.
	SeverityInfo Severity = "info"
	// SeverityWarning: it failed, and less than a third of the certificate's life is left, or there is none in service.
	SeverityWarning Severity = "warning"
	// SeverityCritical: it failed and less than a sixth of its life is left; or half of that, whatever happened.
	SeverityCritical Severity = "critical"
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
	case left <= l.length/12 || failure != nil && left <= l.length/6:
		return SeverityCritical
	case failure != nil && left <= l.length/3:
		return SeverityWarning
	case failure != nil:
		return SeverityInfo
	default:
		return SeverityNone
	}
}
