package domain

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Let's Encrypt allows five failed validations an hour for each account and name. One is left for two certificates that
// ask at the same time.
const (
	ValidationsWindow    = time.Hour
	maxFailedValidations = 4
)

// ValidatedName is the name that a CA counts an authorization's validations under: a wildcard's is the one below it.
func ValidatedName(name string) string { return strings.TrimPrefix(name, "*.") }

// ValidationLimit is why the CA must not be asked to validate these names now: validations of one of them failed too
// often. It is a RateLimited fault with the wait until that is past; nil if the CA may be asked. failures has the
// instants for each name, newest first.
func ValidationLimit(now time.Time, issuer string, failures map[string][]time.Time) *Fault {
	var fault *Fault
	for _, name := range slices.Sorted(maps.Keys(failures)) {
		old := func(at time.Time) bool { return !at.After(now.Add(-ValidationsWindow)) }
		failed := slices.DeleteFunc(slices.Clone(failures[name]), old)
		if len(failed) < maxFailedValidations {
			continue
		}
		until := failed[maxFailedValidations-1].Add(ValidationsWindow)
		if wait := min(until.Sub(now), ValidationsWindow); fault == nil || wait > fault.RetryAfter {
			fault = NewFault(FaultRateLimited, ReasonTooManyFailedValidations, nil,
				"name %s: %d validations at issuer %s failed within an hour, for this certificate or for others; CAs allow few "+
					"more, so this one is not asked before %s. Those attempts say what failed (everleaf cert explain)",
				quote(name), len(failed), quote(issuer), stamp(until)).WithRetryAfter(wait)
		}
	}
	return fault
}
