package issuing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// FinalizeOrder sends the stored CSR, downloads the certificate, verifies it against the stored order and stores it.
// A repeated call finds the certificate stored, or the order at the CA as far as it got.
func (a *Activities) FinalizeOrder(ctx context.Context, in ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
	var none ports.FinalizeOrderOutput
	stored, err := a.Orders.Order(ctx, in.Order.ID)
	if err != nil {
		return none, fmt.Errorf("find order: %w", err)
	}
	if stored.Issued != nil {
		return ports.FinalizeOrderOutput{Issued: stored.Issued}, nil
	}
	ca, err := a.Issuers.Issuer(stored.Issuer)
	if err != nil {
		return none, err
	}
	order, err := a.finalize(ctx, ca, in.Order, stored.CSR)
	if reason := domain.AsFault(err).Reason; reason == domain.ReasonBadCSR || reason == domain.ReasonBadPublicKey {
		// The order stays ready, and would be refused with this key until it expires.
		return none, errors.Join(err, a.Orders.AbandonOrder(ctx, stored.ID, err.Error()))
	}
	if err != nil {
		return none, err
	}
	switch {
	case order.Status == domain.OrderValid:
	case underWay(order.Status):
		return ports.FinalizeOrderOutput{RetryAfter: pauseOr(order.RetryAfter, a.pace.finalize, 24*time.Hour)}, nil
	default:
		if order.Fault != nil {
			return none, order.Fault
		}
		if order.Status == domain.OrderInvalid { // RFC 8555 §7.1.6: it has no error of its own if it just ran out
			return none, domain.NewFault(domain.FaultWait, domain.ReasonOrderExpired, nil,
				"order %s ran out or is gone: %s", order.URL, order.Problem).ForGood()
		}
		return none, domain.NewFault(domain.FaultCA, "OrderNotIssued", nil,
			"order %s is %s after finalize: %s", order.URL, order.Status, order.Problem).ForGood()
	}
	issued, err := a.store(ctx, ca, stored, order)
	return ports.FinalizeOrderOutput{Issued: issued}, err
}

// finalize asks until the order is done or the patience of a short step ends.
func (a *Activities) finalize(ctx context.Context, ca ports.CA, order domain.Order, csr []byte) (domain.Order, error) {
	deadline := a.Clock.Now().Add(a.pace.finalize)
	id := order.ID
	url := order.URL
	order, err := ca.Finalize(ctx, order, csr)
	for next := a.pace.poll; err == nil && underWay(order.Status); next *= 2 {
		pause := pauseOr(order.RetryAfter, next, a.pace.pollMax)
		if a.Clock.Now().Add(pause).After(deadline) {
			break
		}
		if err := wait(ctx, pause); err != nil {
			return order, err
		}
		if order.Status == domain.OrderProcessing {
			order, err = ca.Order(ctx, url)
		} else { // not ready a moment ago (RFC 8555 §7.4: orderNotReady)
			order, err = ca.Finalize(ctx, order, csr)
		}
	}
	if err != nil {
		return order, fmt.Errorf("finalize order: %w", err)
	}
	order.ID = id
	return order, nil
}

// underWay says that the order will change by itself. Ready and pending are among it: the CA has not seen its own
// validation yet, which takes a moment.
func underWay(status domain.OrderStatus) bool {
	return status == domain.OrderProcessing || status == domain.OrderReady || status == domain.OrderPending
}

// store downloads, verifies and records the certificate.
func (a *Activities) store(ctx context.Context, ca ports.CA, stored ports.StoredOrder, order domain.Order) (*domain.Issued, error) {
	chain, err := ca.Download(ctx, order.CertificateURL)
	if err != nil {
		return nil, fmt.Errorf("download certificate: %w", err)
	}
	issued, err := domain.VerifyChain(chain, stored.CSR, stored.Spec.Names, a.Clock.Now())
	if err != nil {
		// Downloading it again would not help; the next attempt places a new order.
		return nil, errors.Join(domain.AsFault(err).ForGood(), a.Orders.AbandonOrder(ctx, stored.ID, err.Error()))
	}
	issued.Issuer = stored.Issuer
	if issued.AccountURL, err = ca.AccountURL(ctx); err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	issued, err = a.Certificates.RecordIssued(ctx, stored.ID, issued, chain)
	if err != nil {
		return nil, fmt.Errorf("record certificate: %w", err)
	}
	a.Observer.CertificateIssued(ctx, issued.Issuer, a.Clock.Now().Sub(stored.OpenedAt))
	return &issued, nil
}
