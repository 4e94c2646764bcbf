package issuing

import (
	"context"
	"fmt"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/ports"
)

// place finds the issuance's order or places it. The key is stored before the CA hears of the order, and the order's
// URL before anything else happens, so that a kill at any point leads back to the same order.
func (i *issuance) place(ctx context.Context, record domain.Record,
	inFlight *ports.StoredOrder) (order domain.Order, err error) {
	if i.ca, err = i.Issuers.Issuer(i.issuer); err != nil {
		return order, activities.Elsewhere(ctx, i.Processes, err, activities.HasIssuer(i.issuer))
	}
	if inFlight != nil {
		order, usable, err := i.resume(ctx, *inFlight)
		if err != nil {
			return order, err
		}
		if usable && order.URL != "" {
			i.stored = *inFlight
			i.placed(ctx, true)
			return order, nil
		}
		if !usable {
			inFlight = nil
		}
	}
	if inFlight == nil {
		opened, err := i.open(ctx, record)
		if err != nil {
			return order, err
		}
		if opened.State == ports.OrderIssued {
			i.replacedOrder = opened.ID // unless its certificate is in service by now
			return order, errIssued
		}
		if !i.fits(opened) {
			// A late try for an earlier spec came in between: the next try finds its order and abandons it.
			return order, domain.NewFault(domain.FaultWait, domain.ReasonOrderInFlight, nil,
				"certificate %q: order %s is in flight for an earlier spec", i.in.Certificate, opened.ID)
		}
		inFlight = &opened
	}
	i.stored = *inFlight
	if order, err = i.submit(ctx, record.Issued); err != nil {
		return order, err
	}
	i.placed(ctx, false)
	return order, nil
}

// fits reports whether the stored order is for this spec and issuer.
func (i *issuance) fits(stored ports.StoredOrder) bool {
	return stored.Issuer == i.issuer && stored.Spec.SameCertificate(i.spec) &&
		stored.Spec.WithDefaults().Challenge == i.spec.Challenge
}

// resume looks at an order in flight. It is usable if it is for this spec and issuer and the CA still stands by it;
// else it is abandoned.
func (i *issuance) resume(ctx context.Context, stored ports.StoredOrder) (order domain.Order, usable bool, err error) {
	order = domain.Order{ID: stored.ID, Issuer: stored.Issuer, URL: stored.URL}
	if stored.URL != "" || !i.fits(stored) {
		i.unstored.Delete(stored.ID) // it is stored, or nobody places it any more
	}
	reason := "the spec changed"
	switch {
	case i.in.NewKey && stored.ReusedKey:
		reason = "its key must not be used any more"
	case i.fits(stored):
		if stored.URL == "" {
			return order, true, nil
		}
		order, err = i.ca.Order(ctx, stored.URL)
		if err != nil {
			return order, false, fmt.Errorf("read order: %w", err)
		}
		order.ID = stored.ID
		if order.Status != domain.OrderInvalid {
			return order, true, nil
		}
		reason = "the CA gave it up: " + order.Problem
	}
	if err := i.Orders.AbandonOrder(ctx, i.in.Certificate, stored.ID, reason); err != nil {
		return order, false, fmt.Errorf("abandon order: %w", err)
	}
	return order, false, nil
}

// submit places a planned order at the CA. One that a concurrent try has placed meanwhile is read instead.
func (i *issuance) submit(ctx context.Context, replaced *domain.Issued) (domain.Order, error) {
	if i.stored.URL != "" {
		return i.readOrder(ctx, i.stored.URL)
	}
	request := ports.OrderRequest{Names: i.stored.Spec.Names, Profile: i.stored.Spec.Profile}
	if replaced != nil && replaced.Issuer == i.issuer {
		request.Replaces, request.ReplacesAccount = replaced.ARIID, replaced.AccountURL
	}
	order, err := i.newOrder(ctx, request)
	if err != nil {
		return order, fmt.Errorf("place order: %w", err)
	}
	url, err := i.Orders.RecordPlaced(ctx, i.in.Certificate, i.stored.ID, order.URL, order.Expires)
	if err == nil || ctx.Err() == nil && !domain.AsFault(err).Transient() {
		i.unstored.Delete(i.stored.ID)
	}
	if err != nil {
		return order, fmt.Errorf("record order: %w", err)
	}
	i.stored.URL = url
	if url != order.URL {
		// Another worker on this step was first: ours is left to expire.
		return i.readOrder(ctx, url)
	}
	return order, nil
}

func (i *issuance) readOrder(ctx context.Context, url string) (domain.Order, error) {
	order, err := i.ca.Order(ctx, url)
	order.ID = i.stored.ID
	return order, err
}

// newOrder places the order at the CA, unless this process has done so and could not store the answer: a database that
// was away for a moment must not cost an order at a CA that makes a new one for each request.
func (i *issuance) newOrder(ctx context.Context, request ports.OrderRequest) (domain.Order, error) {
	if known, ok := i.unstored.Load(i.stored.ID); ok {
		return known.(domain.Order), nil
	}
	order, err := i.ca.PlaceOrder(ctx, request)
	if err != nil {
		return order, err
	}
	order.ID = i.stored.ID
	i.unstored.Store(i.stored.ID, order)
	return order, nil
}

// placed notes which order is at work; a try that only looks again is no news.
func (i *issuance) placed(ctx context.Context, resumed bool) {
	if i.switchTo(i.stored.ID) {
		return
	}
	i.Observer.OrderPlaced(ctx, i.issuer, resumed)
	if !i.in.Planned.IsZero() {
		i.Observer.RenewalStarted(ctx, i.issuer, i.Clock.Now().Sub(i.in.Planned))
	}
}
