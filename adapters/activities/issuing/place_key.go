package issuing

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"slices"

	"everleaf/domain"
	"everleaf/ports"
)

// keepsKey says whether the order is placed with its predecessor's key.
func keepsKey(in ports.PlaceOrderInput, spec domain.Spec) bool {
	return spec.KeyRotation == domain.RotateNever && !in.FreshKey && in.Predecessor != nil && in.Predecessor.KeyType == spec.KeyType
}

// keptKey says that the stored order was placed with its predecessor's key, and that this key must not be used any more.
func (a *Activities) keptKey(ctx context.Context, in ports.PlaceOrderInput, stored ports.StoredOrder) (bool, error) {
	if !in.FreshKey || in.Predecessor == nil || stored.Spec.KeyRotation != domain.RotateNever {
		return false, nil
	}
	der, err := a.leaf(ctx, in.Predecessor.Version)
	if err != nil {
		return false, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return true, nil // what cannot be told apart is not used
	}
	request, err := x509.ParseCertificateRequest(stored.CSR)
	if err != nil {
		return true, nil
	}
	return bytes.Equal(leaf.RawSubjectPublicKeyInfo, request.RawSubjectPublicKeyInfo), nil
}

// trusted says that an order which an ended workflow has left, and which the CA has not heard of, may be placed with its key: one
// that may be its predecessor's is not, once that was called compromised. What the CA has heard of is replaced when it is issued.
func (a *Activities) trusted(ctx context.Context, stored ports.StoredOrder, left []domain.Revocation) (bool, error) {
	compromised := func(r domain.Revocation) bool { return r.Reason == domain.RevokedKeyCompromise }
	if stored.URL != "" || stored.Spec.KeyRotation != domain.RotateNever || !slices.ContainsFunc(left, compromised) {
		return true, nil
	}
	if err := a.Orders.AbandonOrder(ctx, stored.ID, "its key must not be used any more"); err != nil {
		return false, fmt.Errorf("abandon order: %w", err)
	}
	return false, nil
}

// reuse makes a CSR with a version's key.
func (a *Activities) reuse(ctx context.Context, version string, names []string) (csr []byte, err error) {
	pair, err := a.Deliveries.Bundle(ctx, version)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return a.Keys.Reuse(ctx, pair.SealedKey, names)
}

// adopt finds a certificate in service that makes an order needless: a workflow that was ended and started anew must not
// cost one, since CAs count them (Let's Encrypt: five a week for the same names). Adopted is nil if there is none. With it, or
// alone, comes what the ended workflow left undone.
func (a *Activities) adopt(ctx context.Context, in ports.PlaceOrderInput, spec domain.Spec) (out ports.PlaceOrderOutput, err error) {
	found, err := a.Certificates.InService(ctx, in.Certificate)
	if err != nil {
		return out, fmt.Errorf("find certificate in service: %w", err)
	}
	if found == nil { // nothing was ever issued
		return out, nil
	}
	if err := a.left(ctx, in.Certificate, &out); err != nil {
		return out, err
	}
	now := a.Clock.Now()
	ends := func(r domain.Revocation) bool {
		return r.WithoutReplacement && r.Issued.Version == found.Issued.Version
	}
	if found.Issued.Revoked || slices.ContainsFunc(out.Revoking, ends) || !spec.FulfilledBy(found.Issued, found.Spec) || !found.Issued.NotAfter.After(now) ||
		found.Renewal == nil || !found.Renewal.At.After(now) {
		return out, nil
	}
	if err := a.Certificates.RecordAdopted(ctx, in.Certificate, found.Issued.Version, spec); err != nil {
		return out, fmt.Errorf("record adoption: %w", err)
	}
	out.Adopted, out.Plan = found.Issued, found.Renewal
	return out, nil
}
