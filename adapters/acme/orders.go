package acme

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
	"everleaf/ports"
)

// PlaceOrder places a new order (RFC 8555 §7.4). Faults besides the usual: Spec "UnknownProfile".
func (ca *CA) PlaceOrder(ctx context.Context, request ports.OrderRequest) (domain.Order, error) {
	var placed acme.Order
	err := ca.attempt(ctx, "place an order", func(ctx context.Context, s *session) (err error) {
		if err := ca.checkProfile(request.Profile, s.directory); err != nil {
			return err
		}
		order := acme.Order{Identifiers: identifiers(request.Names), Profile: request.Profile}
		// RFC 9773 §5: only where the directory has renewalInfo. Under another account it would be refused.
		if s.directory.RenewalInfo != "" && request.ReplacesAccount == s.account.Location {
			order.Replaces = request.Replaces
		}
		placed, err = s.NewOrder(ctx, s.account, order)
		if status, _ := s.exchange.last(); order.Replaces != "" && replacesRefused(status, err) {
			// A replacement is a courtesy that must not cost the renewal: an earlier try whose answer was lost may
			// hold the mark already (409), or the CA does not take the predecessor for ours any more.
			ca.logger.InfoContext(ctx, "replaces refused; ordering without it", "replaces", order.Replaces, "error",
				err)
			order.Replaces = ""
			placed, err = s.NewOrder(ctx, s.account, order)
		}
		if err == nil && placed.Location == "" {
			err = fmt.Errorf("%w: an order without a URL", errMalformed)
		}
		return err
	})
	if err != nil {
		return domain.Order{}, err
	}
	return ca.order(placed, 0), nil
}

// replacesRefused reports whether an order with replaces is worth repeating without: 409 alreadyReplaced (RFC 9773 §5),
// 403, 404 and 400 for an account, issuer or name set that does not match. Pebble answers the last with 500.
func replacesRefused(status int, err error) bool {
	return err != nil && (status == http.StatusConflict || gone(status)) ||
		isProblem(err, acme.ProblemTypeAlreadyReplaced, acme.ProblemTypeMalformed, acme.ProblemTypeUnauthorized,
			acme.ProblemTypeServerInternal)
}

func (ca *CA) checkProfile(profile string, directory acme.Directory) error {
	var offered map[string]string
	if directory.Meta != nil {
		offered = directory.Meta.Profiles
	}
	if _, ok := offered[profile]; ok || profile == "" {
		return nil
	}
	if len(offered) == 0 {
		return domain.NewFault(domain.FaultSpec, domain.ReasonUnknownProfile, nil,
			"profile %q: issuer %q offers no profiles; leave profile empty", profile, ca.config.Issuer)
	}
	return domain.NewFault(domain.FaultSpec, domain.ReasonUnknownProfile, nil,
		"profile %q: issuer %q does not offer it; it offers: %s",
		profile, ca.config.Issuer, strings.Join(slices.Sorted(maps.Keys(offered)), ", "))
}

// Order reads an order. One that the CA does not have, or has under another account, is answered as invalid.
func (ca *CA) Order(ctx context.Context, url string) (domain.Order, error) {
	var order domain.Order
	err := ca.attempt(ctx, "read the order", func(ctx context.Context, s *session) (err error) {
		order, err = ca.readOrder(ctx, s, url)
		return err
	})
	return order, err
}

func (ca *CA) readOrder(ctx context.Context, s *session, url string) (domain.Order, error) {
	if h := host(url); h != host(s.directory.NewOrder) && h != host(s.account.Location) {
		// The issuer's directory was changed, from staging to production say. Asked for it, this CA would not say
		// "unknown" but "malformed".
		return ca.foreign(url, "it is at another CA than the issuer's directory names now"), nil
	}
	order, err := s.GetOrder(ctx, s.account, acme.Order{Location: url})
	status, wait := s.exchange.last()
	if err == nil {
		return ca.order(order, wait), nil
	}
	lost := gone(status)
	if !lost && isProblem(err, acme.ProblemTypeUnauthorized) {
		other, unreadable := ca.rekeyed(ctx, s.known, s.account)
		if unreadable != nil {
			return domain.Order{}, unreadable // nobody knows yet whether the order is lost
		}
		lost = !other
	}
	if lost {
		return ca.foreign(url, fmt.Sprintf("the CA does not have the order under this account (HTTP %d)", status)), nil
	}
	return domain.Order{}, err
}

// foreign is an order that is lost to us.
func (ca *CA) foreign(url, why string) domain.Order {
	return domain.Order{Issuer: ca.config.Issuer, URL: url, Status: domain.OrderInvalid, Problem: why}
}

// host is the host and port of an https URL, empty if it is none.
func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Host), ":443")
}

// Finalize sends the CSR if the order is ready, and answers the order as it is if it is not. It never polls.
func (ca *CA) Finalize(ctx context.Context, order domain.Order, csr []byte) (domain.Order, error) {
	id := order.ID
	err := ca.attempt(ctx, "finalize the order", func(ctx context.Context, s *session) (err error) {
		if order.Status != domain.OrderReady || order.FinalizeURL == "" {
			read, err := ca.readOrder(ctx, s, order.URL)
			if err != nil {
				return err
			}
			if order = read; order.Status != domain.OrderReady {
				return nil
			}
		}
		order, err = ca.finalizeReady(ctx, s, order, csr)
		return err
	})
	order.ID = id
	return order, err
}

func (ca *CA) finalizeReady(ctx context.Context, s *session, order domain.Order, csr []byte) (domain.Order, error) {
	// Status is left empty: if it is set afterwards, the CA answered with the order.
	answer, err := s.FinalizeOrder(ctx, s.account, acme.Order{Location: order.URL, Finalize: order.FinalizeURL}, csr)
	status, wait := s.exchange.last()
	if answer.Status != "" && !unreadable(err) {
		// acmez's error would be that the order is not valid yet, or not any more: the caller decides.
		return ca.order(answer, wait), nil
	}
	// RFC 8555 §7.4: on orderNotReady, "the client should then send a POST-as-GET request to the order resource to
	// obtain its current state". So it is after a finalization whose answer was lost. (acmez keeps this problem to
	// itself.)
	// Boulder does not find an order that ran out, and says so of its finalize URL as well.
	if problem := s.exchange.lastProblem(); gone(status) || status == http.StatusForbidden && problem != nil &&
		problem.Type == acme.ProblemTypeOrderNotReady {
		read, err := ca.readOrder(ctx, s, order.URL)
		if err != nil {
			return order, err // still with its URL
		}
		return read, nil
	}
	if err == nil {
		err = fmt.Errorf("%w: an order without a status", errMalformed)
	}
	return order, err
}

// Download returns the default chain in PEM, leaf first (RFC 8555 §7.4.2). It is one request.
func (ca *CA) Download(ctx context.Context, certificateURL string) ([]byte, error) {
	var chain []byte
	err := ca.attempt(ctx, "download the certificate", func(ctx context.Context, s *session) error {
		chains, err := s.GetCertificateChain(ctx, s.account, certificateURL)
		if err != nil {
			return err
		}
		if len(chains) == 0 || len(chains[0].ChainPEM) == 0 {
			return fmt.Errorf("%w: an empty chain", errMalformed)
		}
		chain = chains[0].ChainPEM
		return nil
	})
	return chain, err
}

func (ca *CA) order(order acme.Order, wait time.Duration) domain.Order {
	out := domain.Order{
		Issuer: ca.config.Issuer, URL: order.Location, Status: domain.OrderStatus(order.Status),
		Authorizations: order.Authorizations, FinalizeURL: order.Finalize, CertificateURL: order.Certificate,
		Expires: order.Expires, RetryAfter: wait,
	}
	if order.Error != nil {
		out.Problem = words(*order.Error)
		kind, reason := classify(*order.Error)
		out.Fault = domain.NewFault(kind, reason, nil, "issuer %q gave the order up: %s", ca.config.Issuer,
			out.Problem).Permanent()
	}
	return out
}

// identifiers sorts names into DNS names and IP addresses (RFC 8738).
func identifiers(names []string) []acme.Identifier {
	out := make([]acme.Identifier, 0, len(names))
	for _, name := range names {
		kind := "dns"
		if _, err := netip.ParseAddr(name); err == nil {
			kind = "ip"
		}
		out = append(out, acme.Identifier{Type: kind, Value: name})
	}
	return out
}

func gone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

func unreadable(err error) bool {
	var kind *json.UnmarshalTypeError
	var when *time.ParseError
	return errors.As(err, &kind) || errors.As(err, &when)
}
