package domain

import (
	"slices"
	"strings"
	"time"
)

// ownPause is the longest wait after a fault of our own side: what it waits for comes back by itself, and nobody is
// harmed by a look.
const ownPause = 10 * time.Minute

// jitter is by how much a wait of the ladder is drawn out at the most, so that what failed together parts.
const jitter = 0.1

// ownReasons are faults of our own side.
var ownReasons = []string{"DatabaseUnavailable", "SealingUnavailable", "TemporalUnreachable"}

// Decide is the state after an attempt failed, like NextFailure, by the rules that hold now. It is called by a step and
// its answer is recorded, so that these rules may change freely. fraction in [0,1) is a random draw.
//
// What it has beyond NextFailure: what our own side lacks for a while (its database, its key service) does not climb the
// ladder and is waited for ten minutes at most; a fault of the name is tried once a day after its third try, however little is
// left of the certificate in service; and the ladder's waits have jitter.
func Decide(now time.Time, previous *Failure, fault *Fault, step string, issued *Issued, fraction float64) Failure {
	name := fault != nil && (fault.Kind == FaultName || fault.Reason == ReasonChallengeNotVisible)
	if name {
		issued = nil
	}
	failure := NextFailure(now, previous, fault, step, issued)
	if failure.Fault.RetryAfter > 0 {
		return failure // as the other side said
	}
	wait := failure.RetryAt.Sub(failure.At)
	if slices.Contains(ownReasons, failure.Fault.Reason) {
		attempts := 1
		if previous != nil {
			attempts = max(1, previous.Attempts)
		}
		failure.Attempts = attempts
		wait = min(wait, ownPause)
	}
	failure.RetryAt = failure.At.Add(wait + time.Duration(unit(fraction)*jitter*float64(wait))).Truncate(time.Second)
	return failure
}

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
