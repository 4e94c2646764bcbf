package domain

import "time"

// Failed is what failed, and what is known about it.
type Failed struct {
	// Certificate is its name, Step what failed.
	Certificate, Step string
	Fault             Fault
	At                time.Time
	// Spec and Issuer are those of an attempt, Tried the issuers that failed in it before.
	Spec   Spec
	Issuer string
	Tried  []Failure
	// Target is that of a delivery or removal, Version that of a delivery or revocation.
	Target, Version string
	// Previous is the failure before, nil if there is none.
	Previous *Failure
	// Issued is the certificate in service, nil if there is none.
	Issued *Issued
	// Fraction in [0,1) is a random draw.
	Fraction float64
}

// Decision is what follows a failure.
type Decision struct {
	// Failure is what failed and when it is tried again.
	Failure Failure
	// Next is the issuer that is asked at once; empty if there is none.
	Next string
}

// Decide is what follows a failure. (stub)
func Decide(in Failed) Decision {
	return Decision{Failure: NextFailure(in.At, in.Previous, &in.Fault, in.Step, in.Issued)}
}
