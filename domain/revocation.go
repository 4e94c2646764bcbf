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
		return 0, specFault(ReasonUnknownReason, "revocation reason %s: choose one of %s", quote(string(r)),
			strings.Join(revocationReasons(), ", "))
	}
	return code, nil
}

// Revocation is a certificate that somebody asked to have revoked.
type Revocation struct {
	// Issued is the certificate to be revoked.
	Issued Issued `json:"issued"`
	// Reason is the reason of RFC 5280 that the CA gets.
	Reason RevocationReason `json:"reason,omitempty"`
	// SignedBy is whose key signs the request; empty means the account's.
	SignedBy RevocationSigner `json:"signedBy,omitempty"`
	// WithoutReplacement has it revoked while it is in service.
	WithoutReplacement bool `json:"withoutReplacement,omitempty"`
	// After is until when the revocation waits for its replacement to be delivered; the zero instant if it does not
	// wait.
	After time.Time `json:"after,omitzero"`
	// Failure is why it is not revoked yet although it is replaced.
	Failure *Failure `json:"failure,omitempty"`
}

// RevocationSigner is whose key signs a revocation (RFC 8555 §7.6).
type RevocationSigner string

const (
	// SignedByAccount is the account that obtained the certificate.
	SignedByAccount RevocationSigner = "account"
	// SignedByCertificateKey is the certificate's own key: it works when the account is lost.
	SignedByCertificateKey RevocationSigner = "certificateKey"
)

// Check refuses what is neither, nor empty. The fault is Spec "UnknownSigner".
func (s RevocationSigner) Check() error {
	switch s {
	case "", SignedByAccount, SignedByCertificateKey:
		return nil
	default:
		return specFault(ReasonUnknownSigner, "signedBy %s: unknown; use %s or %s",
			quote(string(s)), SignedByAccount, SignedByCertificateKey)
	}
}

const (
	// maxDeliveryWait bounds the wait for targets before a revocation, maxDeliveryWaitCompromised where the key is
	// known to others.
	maxDeliveryWait            = 24 * time.Hour
	maxDeliveryWaitCompromised = time.Hour
)

// DeliveryWait is how long the revocation of a replaced certificate waits at most for targets that do not have its
// replacement yet: a target that still serves it would fail its clients.
func (r RevocationReason) DeliveryWait() time.Duration {
	if r == RevokedKeyCompromise {
		return maxDeliveryWaitCompromised
	}
	return maxDeliveryWait
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
