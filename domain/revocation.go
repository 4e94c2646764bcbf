package domain

import (
	"slices"
	"strings"
	"time"
)

// RevocationReason is why a certificate is revoked, by its name in RFC 5280 §5.3.1. The strings are part of recorded
// histories.
type RevocationReason string

// The reasons that ACME CAs take (RFC 8555 §7.6).
const (
	RevokedUnspecified          RevocationReason = "unspecified"
	RevokedKeyCompromise        RevocationReason = "keyCompromise"
	RevokedAffiliationChanged   RevocationReason = "affiliationChanged"
	RevokedSuperseded           RevocationReason = "superseded"
	RevokedCessationOfOperation RevocationReason = "cessationOfOperation"
)

var revocationCodes = map[RevocationReason]int{
	"": 0, RevokedUnspecified: 0, RevokedKeyCompromise: 1, RevokedAffiliationChanged: 3, RevokedSuperseded: 4,
	RevokedCessationOfOperation: 5,
}

// Code is the reason's CRLReason (RFC 5280 §5.3.1). The empty reason is unspecified. The fault is Spec "UnknownReason".
func (r RevocationReason) Code() (int, error) {
	code, ok := revocationCodes[r]
	if !ok {
		return 0, NewFault(FaultSpec, "UnknownReason", nil, "revocation reason %q: choose one of %s", string(r),
			strings.Join(revocationReasons(), ", "))
	}
	return code, nil
}

// Revocation is a certificate that somebody asked to have revoked.
type Revocation struct {
	Issued Issued           `json:"issued"`
	Reason RevocationReason `json:"reason,omitempty"`
	// Failure is why it is not revoked yet although it is replaced.
	Failure *Failure `json:"failure,omitempty"`
}

// Due says from when on the certificate may be revoked, the zero instant if at once; never while it is in service. The
// clock of the CA does not count: one that is ahead would keep a caller, and with it the run, waiting for ever.
func (r Revocation) Due(inService *Issued) (at time.Time, ok bool) {
	switch {
	case inService == nil || inService.Version == r.Issued.Version:
		return time.Time{}, false
	case r.Failure != nil:
		return r.Failure.RetryAt, true
	default:
		return time.Time{}, true
	}
}

func revocationReasons() (names []string) {
	for reason := range revocationCodes {
		if reason != "" {
			names = append(names, string(reason))
		}
	}
	slices.Sort(names)
	return names
}
