package issuing

import (
	"context"
	"errors"
	"fmt"

	"everleaf/domain"
)

// finalize sends the stored CSR, waits for the CA, downloads the certificate, verifies it against the stored order and
// stores it.
func (i *issuance) finalize(ctx context.Context, order domain.Order) (issued domain.Issued, chain []byte, err error) {
	i.enter(finalizing)
	order, err = i.complete(ctx, order)
	if reason := domain.AsFault(err).Reason; err != nil &&
		(reason == domain.ReasonBadCSR || reason == domain.ReasonBadPublicKey) {
		// The order stays ready, and would be refused with this key until it expires.
		return issued, nil, errors.Join(err, i.Orders.AbandonOrder(ctx, i.in.Certificate, i.stored.ID, err.Error()))
	}
	switch {
	case err != nil:
		return issued, nil, err
	case order.Status == domain.OrderValid:
		return i.store(ctx, order)
	case order.Fault != nil:
		return issued, nil, order.Fault
	case order.Status == domain.OrderInvalid: // RFC 8555 §7.1.6: it has no error of its own if it just ran out
		return issued, nil, domain.NewFault(domain.FaultWait, domain.ReasonOrderExpired, nil,
			"order %s ran out or is gone: %s", order.URL, order.Problem).Permanent()
	default:
		return issued, nil, domain.NewFault(domain.FaultCA, domain.ReasonOrderNotIssued, nil,
			"order %s is %s after finalize: %s", order.URL, order.Status, order.Problem).Permanent()
	}
}

// complete has the CA issue, and looks at the order until the CA is done with it.
func (i *issuance) complete(ctx context.Context, order domain.Order) (domain.Order, error) {
	var err error
	if notReadyFault(order.Status) {
		order, err = i.send(ctx, order)
	}
	for err == nil && (order.Status == domain.OrderProcessing || notReadyFault(order.Status)) {
		if err := i.wait(ctx, order.RetryAfter, i.pace.poll, i.stuckFault("the CA works on it")); err != nil {
			return order, err
		}
		if order.Status == domain.OrderProcessing {
			order, err = i.readOrder(ctx, i.stored.URL)
			if err != nil {
				return order, fmt.Errorf("read order: %w", err)
			}
		} else {
			order, err = i.send(ctx, order)
		}
	}
	return order, err
}

// notReadyFault reports whether the CSR is still to be sent. Pending is among it: the CA has not seen its own
// validation yet, which takes a moment (RFC 8555 §7.4: orderNotReady).
func notReadyFault(status domain.OrderStatus) bool {
	return status == domain.OrderReady || status == domain.OrderPending
}

func (i *issuance) send(ctx context.Context, order domain.Order) (domain.Order, error) {
	order, err := i.ca.Finalize(ctx, order, i.stored.CSR)
	if err != nil {
		return order, fmt.Errorf("finalize order: %w", err)
	}
	order.ID = i.stored.ID
	return order, nil
}

// errCertificateExpired is found where the CA or Postgres was out of reach for longer than the certificate lives.
var errCertificateExpired = errors.New("it expired before it could be stored")

// store downloads, verifies and records the certificate.
func (i *issuance) store(ctx context.Context, order domain.Order) (issued domain.Issued, chain []byte, err error) {
	if chain, err = i.ca.Download(ctx, order.CertificateURL); err != nil {
		return issued, nil, fmt.Errorf("download certificate: %w", err)
	}
	now := i.Clock.Now()
	if issued, err = domain.VerifyChain(chain, i.stored.CSR, i.stored.Spec.Names, now); err != nil {
		fault := domain.AsFault(err)
		if life := issued.NotAfter.Sub(issued.NotBefore); life > 0 && !issued.NotAfter.After(now) &&
			now.Sub(i.stored.OpenedAt) >= life {
			return issued, nil, domain.NewFault(fault.Kind, fault.Reason, errCertificateExpired, "%s",
				fault.Message).Permanent()
		}
		// Downloading it again would not help; the next attempt places a new order.
		return issued, nil, errors.Join(fault.Permanent(), i.Orders.AbandonOrder(ctx, i.in.Certificate, i.stored.ID,
			err.Error()))
	}
	issued.Issuer = i.stored.Issuer
	if issued.AccountURL, err = i.ca.AccountURL(ctx); err != nil {
		return issued, nil, fmt.Errorf("find account: %w", err)
	}
	if issued, err = i.Certificates.RecordIssued(ctx, i.in.Certificate, i.stored.ID, issued, chain); err != nil {
		return issued, nil, fmt.Errorf("record certificate: %w", err)
	}
	i.Observer.CertificateIssued(ctx, issued.Issuer, i.Clock.Now().Sub(i.stored.OpenedAt))
	return issued, chain, nil
}
