package activities

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"

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
	if found.Issued.Revoked || !spec.FulfilledBy(found.Issued, found.Spec) || !found.Issued.NotAfter.After(now) ||
		found.Renewal == nil || !found.Renewal.At.After(now) {
		return out, nil
	}
	if err := a.Certificates.RecordAdopted(ctx, in.Certificate, found.Issued.Version, spec); err != nil {
		return out, fmt.Errorf("record adoption: %w", err)
	}
	out.Adopted, out.Plan = found.Issued, found.Renewal
	return out, nil
}
