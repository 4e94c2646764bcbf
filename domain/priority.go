package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// How urgent work is, as Temporal counts it: 1 is the most urgent.
const (
	// PriorityUrgent: a certificate is about to expire, or is to be revoked.
	PriorityUrgent = 1
	// PriorityAwaited: a caller waits for it.
	PriorityAwaited = 2
	// PriorityUsual: first certificates, renewals and requests that nobody waits for.
	PriorityUsual = 3
	// PrioritySweep: what can be done at any time.
	PrioritySweep = 5
)

// Priority is how urgent an attempt is. It does not know whether a caller waits.
func Priority(at time.Time, record Record, want Want) int {
	issued := record.Issued
	switch {
	case want.Reason == WakeRevocation:
		return PriorityUrgent
	case issued != nil && (issued.Revoked || record.revokesInService() || !at.Before(lifeOf(*issued).latest)):
		return PriorityUrgent
	default:
		return PriorityUsual
	}
}

// MaxFairnessKey is the longest fairness key that Temporal takes, in octets.
const MaxFairnessKey = 64

// TenantOf is for whom a certificate is: the spec's tenant, else the registered domain of its first name. It is empty
// for a spec without either.
func TenantOf(spec Spec) string {
	if spec.Tenant == "" && len(spec.Names) > 0 {
		return registeredDomain(spec.Names[0])
	}
	return spec.Tenant
}

// FairnessKey is by what certificates share workers and CAs fairly: the tenant, hashed where that is too long.
func FairnessKey(spec Spec) string {
	key := TenantOf(spec)
	if len(key) <= MaxFairnessKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// registeredDomain is the name one label below its public suffix; a name that has none is its own.
func registeredDomain(name string) string {
	name = strings.TrimPrefix(strings.ToLower(name), "*.")
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name
	}
	return domain
}
