package domain

import "time"

// Needed reports whether a certificate has to be obtained now, and which version it replaces. (stub)
func Needed(at time.Time, record Record, spec Spec, want Want) (needed bool, replaces string) {
	return false, ""
}

// NewKeyNeeded reports whether the key of the certificate in service must not be used again. (stub)
func NewKeyNeeded(record Record) bool { return false }

// FairnessKey is what a certificate's work shares CAs and workers by, at most 64 octets. (stub)
func FairnessKey(spec Spec) string { return spec.Tenant }

// Priority is how urgent an attempt is: 1 to 5, 1 is most urgent. (stub)
func Priority(at time.Time, record Record, want Want) int { return 3 }

// ValidateNote refuses a note that is longer than 1,000 octets or not one printable line. (stub)
func ValidateNote(note string) error { return nil }
