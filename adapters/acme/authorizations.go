package acme

import (
	"context"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

// Authorization reads an authorization (RFC 8555 §7.5) with its challenges' key authorizations (§8.1). One that the CA
// does not have any more, as Boulder answers for an expired one, has status expired.
func (ca *CA) Authorization(ctx context.Context, url string) (domain.Authorization, error) {
	var out domain.Authorization
	err := ca.attempt(ctx, "read the authorization", func(ctx context.Context, s *session) error {
		authorization, err := s.GetAuthorization(ctx, s.account, url)
		status, wait := s.exchange.last()
		if err != nil && gone(status) {
			authorization, err = acme.Authorization{Location: url, Status: acme.StatusExpired}, nil
		}
		out = ca.authorization(authorization, wait)
		return err
	})
	if err != nil {
		return domain.Authorization{}, err
	}
	return out, nil
}

func (ca *CA) authorization(from acme.Authorization, wait time.Duration) domain.Authorization {
	out := domain.Authorization{
		URL: from.Location, Name: from.IdentifierValue(), Status: domain.AuthorizationStatus(from.Status),
		RetryAfter: wait,
	}
	for _, c := range from.Challenges {
		challenge := domain.Challenge{
			Type: domain.ChallengeType(c.Type), URL: c.URL, Status: domain.AuthorizationStatus(c.Status),
			// Without "*.": challenges are solved under the name itself (RFC 8555 §8.4).
			Name: from.Identifier.Value, Token: c.Token,
		}
		if c.Token != "" {
			challenge.KeyAuthorization = c.KeyAuthorization
		}
		out.Challenges = append(out.Challenges, challenge)
	}
	if from.Status != acme.StatusPending && from.Status != acme.StatusValid {
		out.Fault = ca.authorizationFault(from)
	}
	return out
}

// authorizationFault says why an authorization is dead.
func (ca *CA) authorizationFault(from acme.Authorization) *domain.Fault {
	name := from.IdentifierValue()
	if name == "" {
		name = from.Location
	}
	switch from.Status {
	case acme.StatusDeactivated, acme.StatusRevoked:
		return domain.NewFault(domain.FaultOperator, domain.ReasonAuthorizationWithdrawn, nil,
			"issuer %q: the authorization of %q was %s by someone with the account's key or by the CA",
			ca.config.Issuer, name,
			from.Status)
	case acme.StatusInvalid:
	default:
		return domain.NewFault(domain.FaultWait, domain.ReasonAuthorizationExpired, nil,
			"issuer %q: the authorization of %q is %q; a new order is needed", ca.config.Issuer, name,
			from.Status).Permanent()
	}
	for _, challenge := range from.Challenges {
		if challenge.Error != nil {
			return ca.challengeFault(name, challenge)
		}
	}
	return domain.NewFault(domain.FaultName, domain.ReasonChallengeFailed, nil,
		"%q: issuer %q could not validate control of it and gave no reason", name, ca.config.Issuer)
}

func (ca *CA) challengeFault(name string, challenge acme.Challenge) *domain.Fault {
	kind, reason := classify(*challenge.Error)
	if r, ok := nameReasons[challenge.Error.Type]; ok {
		kind, reason = domain.FaultName, r
	}
	fault := domain.NewFault(kind, reason, nil, "%q: issuer %q could not validate %s: %s",
		name, ca.config.Issuer, challenge.Type, words(*challenge.Error))
	// A failed challenge ends its authorization and order: reading it again in place cannot help.
	return fault.Permanent()
}

// AcceptChallenge asks the CA to validate (RFC 8555 §7.5.1).
func (ca *CA) AcceptChallenge(ctx context.Context, challenge domain.Challenge) error {
	if challenge.Status != "" && challenge.Status != domain.AuthorizationPending {
		return nil
	}
	return ca.attempt(ctx, "accept the challenge", func(ctx context.Context, s *session) error {
		_, err := s.InitiateChallenge(ctx, s.account, acme.Challenge{URL: challenge.URL})
		if !isProblem(err, acme.ProblemTypeMalformed) {
			return err
		}
		// CAs answer so when it was accepted before (an answer that was lost). Its own status shows it; acmez has no
		// call to read a challenge, and the one for authorizations reads any object with a status.
		if now, readErr := s.GetAuthorization(ctx, s.account, challenge.URL); readErr == nil &&
			now.Status != "" && now.Status != acme.StatusPending {
			return nil
		}
		return err
	})
}
