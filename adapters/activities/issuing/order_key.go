package issuing

import (
	"context"
	"fmt"
	"slices"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// firstOrder is the issuance key of a certificate that replaces none.
const firstOrder = "first"

// lostKeys are why a key cannot be used again, today or later: then the certificate gets a new one.
var lostKeys = []domain.Reason{domain.ReasonUnknownVersion, domain.ReasonSecretDamaged, domain.ReasonSealingKeyWrong,
	domain.ReasonSecretMisplaced, domain.ReasonKeyForgotten, domain.ReasonKeyMismatch,
	domain.ReasonKeyUnreadable, domain.ReasonChainMalformed}

// open stores the key and the order. The spec may ask for the key of the certificate in service once more.
func (i *issuance) open(ctx context.Context, record domain.Record) (ports.StoredOrder, error) {
	order := ports.NewOrder{Certificate: i.in.Certificate, Key: firstOrder, Issuer: i.issuer, Spec: i.spec}
	if record.Issued != nil {
		order.Key = record.Issued.Version
	}
	if i.replacedOrder != "" { // somebody has put the version that it replaced back into service
		order.Key += "/" + i.replacedOrder
	}
	if i.keepsKey(record.Issued) {
		csr, err := i.reuse(ctx, *record.Issued)
		switch {
		case err == nil:
			order.KeyOf, order.CSR = record.Issued.Version, csr
		case slices.Contains(lostKeys, domain.AsFault(err).Reason):
			order.KeyLost = err.Error()
			activity.GetLogger(ctx).Warn("key not reused", "certificate", i.in.Certificate, "error", err)
		default:
			return ports.StoredOrder{}, err
		}
	}
	if order.KeyOf == "" {
		var err error
		if order.SealedKey, order.CSR, err = i.Keys.Create(ctx, i.in.Certificate, i.spec.KeyType,
			i.spec.Names); err != nil {
			return ports.StoredOrder{}, fmt.Errorf("create key: %w", err)
		}
	}
	stored, err := i.Orders.OpenOrder(ctx, order)
	if err != nil {
		return stored, fmt.Errorf("open order: %w", err)
	}
	return stored, nil
}

// keepsKey reports whether the order is placed with the key in service.
func (i *issuance) keepsKey(inService *domain.Issued) bool {
	return i.spec.KeyRotation == domain.RotateNever && !i.in.NewKey && inService != nil &&
		inService.KeyType == i.spec.KeyType
}

// reuse makes a CSR with the key of the certificate in service.
func (i *issuance) reuse(ctx context.Context, inService domain.Issued) (csr []byte, err error) {
	pair, err := i.Certificates.SealedPair(ctx, i.in.Certificate, inService.Version)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return i.Keys.Reuse(ctx, pair, i.spec.Names)
}
