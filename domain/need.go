package domain

import (
	"slices"
	"time"
)

// Needed reports whether a certificate has to be obtained now for spec, by the stored record, and which version it
// replaces: none if there is none in service, or if only the plan of its renewal is missing.
//
// at is the workflow's instant. want is why a workflow asks; without a reason of its own (the zero Want, WakeRead) a
// stored failure holds until its RetryAt. A step that records a request asks with WakeChanged.
func Needed(at time.Time, record Record, spec Spec, want Want) (needed bool, replaces string) {
	issued, failure := record.Issued, record.Failure
	derived := want.Reason == "" || want.Reason == WakeRead
	switch {
	case derived && failure != nil && failure.RetryAt.After(at):
		return false, ""
	case issued == nil:
		return true, ""
	case !spec.FulfilledBy(issued) || want.rejects(issued.Version) || record.revokesInService() || record.due(at):
		return true, issued.Version
	default:
		return record.Renewal == nil, ""
	}
}

// rejects reports whether somebody asked for a certificate in place of this version. A renewal does not count: its plan
// may have moved, and the record knows.
func (w Want) rejects(version string) bool {
	return w.Replaces == version && w.Reason != WakeRead && w.Reason != WakeRenewal
}

// due reports whether the planned instant of the renewal has come.
func (r Record) due(at time.Time) bool { return r.Renewal != nil && !r.Renewal.At.After(at) }

// revokesInService reports whether the certificate in service is to be replaced because it is or will be revoked.
// Somebody who wanted no replacement has none, until a retired certificate is wanted again.
func (r Record) revokesInService() bool {
	released := r.Retirement == Released
	return released && r.Issued.Revoked || slices.ContainsFunc(r.Revocations, func(v Revocation) bool {
		return v.Issued.Version == r.Issued.Version && (released || !v.WithoutReplacement)
	})
}

// NewKeyNeeded reports whether the next certificate must not have the key of the one in service, whatever the spec
// says: that one was revoked, the CA refused the key, or some certificate is to be revoked because its key is
// compromised.
func NewKeyNeeded(record Record) bool {
	revoked := record.Issued != nil && record.Issued.Revoked
	refused := record.Failure != nil && record.Failure.Fault.rule().newKey
	compromised := func(r Revocation) bool { return r.Reason == RevokedKeyCompromise }
	return revoked || refused || slices.ContainsFunc(record.Revocations, compromised)
}
