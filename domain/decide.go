package domain

import (
	"slices"
	"strings"
	"time"
)

// Failed is what failed, and what is known about it.
type Failed struct {
	// Certificate is its name, Step what failed: a fault that names its step knows better.
	Certificate, Step string
	Fault             Fault
	At                time.Time
	// Spec and Issuer are those of an attempt, Tried the issuers that failed in it before. The empty issuer is the
	// spec's first.
	Spec   Spec
	Issuer string
	Tried  []Failure
	// Target is that of a delivery or removal, Version that of a delivery or revocation. An attempt has neither.
	Target, Version string
	// Previous is the failure before, nil if there was none since the last success.
	Previous *Failure
	// Issued is the certificate in service, nil if there is none.
	Issued *Issued
	// Fraction in [0,1) is a random draw.
	Fraction float64
}

// Decision is what follows a failure. It is in recorded histories: no field is renamed.
type Decision struct {
	// Failure is what failed and when it is tried again.
	Failure Failure `json:"failure"`
	// Next is the issuer that is asked at once; empty if there is none.
	Next string `json:"next,omitempty"`
}

// Decide applies the failure policy to what failed: when it is tried again, which issuer is asked meanwhile, whether
// callers are answered. The same arguments give the same decision.
//
// The failure of an attempt's last issuer stands for all that were asked. The failure's message holds its cause's text
// on one line, since the cause itself is not stored.
func Decide(in Failed) Decision {
	if in.Fault.Kind == "" && in.Fault.Reason == "" {
		in.Fault = *NewFault(FaultOperator, ReasonUnexpected, nil, "the step failed and gave no reason")
	}
	failure := in.failure()
	if in.Target != "" || in.Version != "" {
		return Decision{Failure: failure}
	}
	issuers := in.Spec.WithDefaults().Issuers
	place := max(0, slices.Index(issuers, in.Issuer))
	if len(issuers) > 1 {
		failure.Issuer = issuers[place]
	}
	if in.Fault.fallsBack() && place+1 < len(issuers) {
		return Decision{Failure: failure, Next: issuers[place+1]}
	}
	return Decision{Failure: mostUrgent(append(slices.Clone(in.Tried), failure))}
}

func (in Failed) failure() Failure {
	fault, rule, at := in.Fault, in.Fault.rule(), in.At.UTC()
	failure := Failure{At: at, Step: in.Step, Holds: rule.holdsRenew, Fault: Fault{
		Kind: fault.Kind, Reason: fault.Reason, Message: oneLine(fault.Error(), maxMessage),
		RetryAfter: fault.RetryAfter, Final: fault.Final,
	}}
	if fault.Step != "" {
		failure.Step = fault.Step
	}
	var wait time.Duration
	wait, failure.Attempts, failure.RetryAfterCount = in.wait(rule)
	failure.RetryAt = at.Add(wait)
	if fault.RetryAfter <= 0 {
		failure.RetryAt = ceil(failure.RetryAt) // for people: whole seconds
	}
	failure.Answer = rule.answer == always || rule.answer == ifMinute && wait >= answerAfter
	return failure
}

// mostUrgent is the failure that stands for an attempt in which several issuers failed: the one that is tried again
// first, of those after which another issuer may be asked. Its message has all of theirs.
func mostUrgent(failures []Failure) Failure {
	chosen := failures[0]
	for _, f := range failures[1:] {
		if f.Fault.fallsBack() && f.RetryAt.Before(chosen.RetryAt) {
			chosen = f
		}
	}
	if len(failures) == 1 {
		return chosen
	}
	all := make([]string, 0, len(failures))
	for _, f := range failures {
		all = append(all, oneLine(f.Issuer+": "+f.Fault.Message, maxMessage/len(failures)-len(then)))
	}
	chosen.Fault.Message = strings.Join(all, then)
	return chosen
}

// then joins the messages of several issuers.
const then = "; then "
