package issuing

import (
	"context"
	"fmt"
	"slices"

	"everleaf/domain"
	"everleaf/ports"
)

// placeOrder finds the issuance's order or places it. The key is stored before the CA hears of the order, and the
// order's URL before anything else happens, so that a kill at any point leads back to the same order.
func (a *Activities) placeOrder(ctx context.Context, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
	var none ports.PlaceOrderOutput
	spec, err := in.Spec.Validated()
	if err != nil {
		return none, err
	}
	ca, err := a.Issuers.Issuer(in.Issuer)
	if err != nil {
		return none, err
	}
	stored, err := a.Orders.FindOrder(ctx, in.Certificate, in.Key)
	if err != nil {
		return none, fmt.Errorf("find order: %w", err)
	}
	if stored != nil && stored.Key != in.Key {
		// Left by a workflow that was ended: under our key, a repeat of this step finds it also when it has issued.
		if err := a.Orders.AdoptOrder(ctx, stored.ID, in.Key); err != nil {
			return none, fmt.Errorf("adopt order: %w", err)
		}
	}
	var out ports.PlaceOrderOutput
	if stored != nil {
		order, usable, err := a.resume(ctx, ca, *stored, spec, in)
		if err != nil {
			return none, err
		}
		if usable && in.Adopt {
			if err := a.left(ctx, in.Certificate, &out); err != nil {
				return none, err
			}
			if usable, err = a.trusted(ctx, *stored, out.Revoking); err != nil {
				return none, err
			}
		}
		if usable && order.URL != "" {
			a.observePlaced(ctx, in, true)
			out.Order, out.Resumed, out.Outdated = order, true, !serves(*stored, spec)
			return out, nil
		}
		if !usable {
			stored = nil
		}
	}
	if stored == nil && in.Adopt {
		if out, err = a.adopt(ctx, in, spec); err != nil || out.Adopted != nil {
			return out, err
		}
	}
	if stored == nil {
		opened, err := a.open(ctx, in, spec)
		if err != nil {
			return none, err
		}
		if !fits(opened, spec, in.Issuer) {
			// A late try for an earlier spec came in between: the next try finds its order and abandons it.
			return none, domain.NewFault(domain.FaultWait, "OrderInFlight", nil,
				"certificate %q: order %s is in flight for an earlier spec", in.Certificate, opened.ID)
		}
		stored = &opened
	}
	order, err := a.place(ctx, ca, *stored, in.Predecessor)
	if err != nil {
		return ports.PlaceOrderOutput{Order: order}, err
	}
	a.observePlaced(ctx, in, false)
	out.Order = order
	return out, nil
}

// fits says that the stored order is for this spec and issuer.
func fits(stored ports.StoredOrder, spec domain.Spec, issuer string) bool {
	return stored.Issuer == issuer && stored.Spec.SameCertificate(spec) && stored.Spec.WithDefaults().Challenge == spec.Challenge
}

// serves says that what the order has issued, or will, is what the spec wants, whichever of its issuers was asked.
func serves(stored ports.StoredOrder, spec domain.Spec) bool {
	return stored.Spec.SameCertificate(spec) && slices.Contains(spec.Issuers, stored.Issuer)
}

// resume looks at a stored order. It is usable if it is for this spec and issuer and the CA still stands by it, or if
// it has issued already; else it is abandoned.
func (a *Activities) resume(ctx context.Context, ca ports.CA, stored ports.StoredOrder, spec domain.Spec, in ports.PlaceOrderInput) (
	order domain.Order, usable bool, err error,
) {
	order = domain.Order{ID: stored.ID, Issuer: stored.Issuer, URL: stored.URL}
	if stored.State == ports.OrderIssued {
		order.Status = domain.OrderValid
		return order, true, nil
	}
	reason := "the spec changed"
	kept, err := a.keptKey(ctx, in, stored)
	switch {
	case err != nil:
		return order, false, err
	case kept:
		reason = "its key must not be used any more"
	case fits(stored, spec, in.Issuer):
		if stored.URL == "" {
			return order, true, nil
		}
		order, err = ca.Order(ctx, stored.URL)
		if err != nil {
			return order, false, fmt.Errorf("read order: %w", err)
		}
		order.ID = stored.ID
		if order.Status != domain.OrderInvalid {
			return order, true, nil
		}
		reason = "the CA gave it up: " + order.Problem
	}
	if err := a.Orders.AbandonOrder(ctx, stored.ID, reason); err != nil {
		return order, false, fmt.Errorf("abandon order: %w", err)
	}
	return order, false, nil
}

// open stores a new key and order.
func (a *Activities) open(ctx context.Context, in ports.PlaceOrderInput, spec domain.Spec) (ports.StoredOrder, error) {
	order := ports.NewOrder{Certificate: in.Certificate, Key: in.Key, Issuer: in.Issuer, Spec: spec}
	var err error
	if old := in.Predecessor; keepsKey(in, spec) {
		order.KeyOf = old.Version
		order.CSR, err = a.reuse(ctx, old.Version, spec.Names)
	} else {
		order.SealedKey, order.CSR, err = a.Keys.Create(ctx, spec.KeyType, spec.Names)
	}
	if err != nil {
		return ports.StoredOrder{}, fmt.Errorf("create key: %w", err)
	}
	stored, err := a.Orders.OpenOrder(ctx, order)
	if err != nil {
		return stored, fmt.Errorf("open order: %w", err)
	}
	return stored, nil
}

// place tells the CA of an order that is planned. One that a concurrent try has placed meanwhile is read instead.
func (a *Activities) place(ctx context.Context, ca ports.CA, stored ports.StoredOrder, predecessor *domain.Issued) (domain.Order, error) {
	if stored.URL != "" {
		order, err := ca.Order(ctx, stored.URL)
		order.ID = stored.ID
		return order, err
	}
	request := ports.OrderRequest{Names: stored.Spec.Names, Profile: stored.Spec.Profile}
	if predecessor != nil && predecessor.Issuer == stored.Issuer {
		request.Replaces, request.ReplacesAccount = predecessor.ARIID, predecessor.AccountURL
	}
	order, err := a.newOrder(ctx, ca, stored.ID, request)
	if err != nil {
		return order, fmt.Errorf("place order: %w", err)
	}
	url, err := a.Orders.RecordPlaced(ctx, stored.ID, order.URL, order.Expires)
	if err == nil || ctx.Err() == nil && !domain.AsFault(err).Transient() {
		a.unstored.Delete(stored.ID)
	}
	if err != nil {
		return order, fmt.Errorf("record order: %w", err)
	}
	if url != order.URL {
		// Another worker on this step was first: ours is left to expire.
		order, err = ca.Order(ctx, url)
		order.ID = stored.ID
	}
	return order, err
}

// newOrder tells the CA of the order, unless this process has done so and could not store the answer: a database that
// was away for a moment must not cost an order at a CA that makes a new one for each request.
func (a *Activities) newOrder(ctx context.Context, ca ports.CA, orderID string, request ports.OrderRequest) (domain.Order, error) {
	if known, ok := a.unstored.Load(orderID); ok {
		return known.(domain.Order), nil
	}
	order, err := ca.PlaceOrder(ctx, request)
	if err != nil {
		return order, err
	}
	order.ID = orderID
	a.unstored.Store(orderID, order)
	return order, nil
}

func (a *Activities) observePlaced(ctx context.Context, in ports.PlaceOrderInput, resumed bool) {
	a.Observer.OrderPlaced(ctx, in.Issuer, resumed)
	if !in.Planned.IsZero() {
		a.Observer.RenewalStarted(ctx, in.Issuer, a.Clock.Now().Sub(in.Planned))
	}
}
