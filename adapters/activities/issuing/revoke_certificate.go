package issuing

import (
	"context"
	"fmt"
	"slices"

	"go.temporal.io/sdk/activity"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/ports"
)

// RevokeCertificate carries out the revocation that is stored for a version, at the CA that issued it, and notes it. A
// repeat finds it revoked there. What is in service and waits for its replacement is left alone in any case.
func (a *Activities) RevokeCertificate(ctx context.Context,
	in ports.RevokeCertificateInput) (ports.RevokeCertificateOutput, error) {
	at := activities.Resumed[silent](ctx)
	beating, beat := activities.Beat(ctx, a.pace.heartbeat, at)
	defer beat.Stop()
	out, err := a.revokeStored(beating, in)
	if err != nil && ctx.Err() == nil {
		err = a.silence(&at, false, err) // only the CA that issued it can revoke it
		beat.Reached(at)
		beat.Save(ctx)
	}
	return out, err
}

func (a *Activities) revokeStored(ctx context.Context,
	in ports.RevokeCertificateInput) (out ports.RevokeCertificateOutput, err error) {
	if out.Record, err = a.read(ctx, in.Certificate); err != nil {
		return out, err
	}
	n := slices.IndexFunc(out.Record.Revocations,
		func(r domain.Revocation) bool { return r.Issued.Version == in.Version })
	if n < 0 {
		out.Already = true
		return out, nil
	}
	revocation := out.Record.Revocations[n]
	inService := out.Record.Issued != nil && out.Record.Issued.Version == in.Version
	if inService && !revocation.WithoutReplacement {
		return out, nil
	}
	if out.Already, err = a.revoke(ctx, in.Certificate, revocation); err != nil {
		return ports.RevokeCertificateOutput{}, err
	}
	record, err := a.Certificates.RecordRevoked(ctx, in.Certificate, in.Version, revocation.Reason, a.Clock.Now())
	if err != nil {
		return ports.RevokeCertificateOutput{}, fmt.Errorf("record revocation: %w", err)
	}
	out.Record = readBy(ctx, record)
	a.Observer.CertificateRevoked(ctx, revocation.Issued.Issuer, revocation.Reason)
	activity.GetLogger(ctx).Info("certificate revoked", "certificate", in.Certificate,
		"serial", revocation.Issued.Serial, "reason", revocation.Reason)
	return out, nil
}

// revoke asks the CA; already reports whether it had revoked the certificate before.
func (a *Activities) revoke(ctx context.Context, certificate string,
	revocation domain.Revocation) (already bool, err error) {
	ca, err := a.Issuers.Issuer(revocation.Issued.Issuer)
	if err != nil {
		return false, activities.Elsewhere(ctx, a.Processes, err, activities.HasIssuer(revocation.Issued.Issuer))
	}
	pair, err := a.Certificates.SealedPair(ctx, certificate, revocation.Issued.Version)
	if err != nil {
		return false, fmt.Errorf("read certificate: %w", err)
	}
	leaf, err := activities.Leaf(pair.ChainPEM, revocation.Issued.Version)
	if err != nil {
		return false, err
	}
	var key []byte // nil: the account signs
	if revocation.SignedBy == domain.SignedByCertificateKey {
		if key, err = a.Keys.Open(ctx, pair); err != nil {
			return false, err
		}
		defer clear(key)
	}
	if already, err = ca.Revoke(ctx, leaf, revocation.Reason, key); err != nil {
		return false, fmt.Errorf("revoke certificate: %w", err)
	}
	return already, nil
}
