package acme

import (
	"context"
	"crypto"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
	"everleaf/ports"
)

// settle finds out which of the stored keys the CA knows, brings Postgres in line with it, and registers the key if the
// CA knows none. So a lost account URL, a lost answer and a key rollover that was cut short are repaired without a
// second account, and without a second use of an external account binding.
func (ca *CA) settle(ctx context.Context, known *knownDirectory, stored *ports.Account, fresh bool) (held, error) {
	var none held
	key, err := ca.openKey(ctx, stored.SealedKey)
	if err != nil {
		return none, err
	}
	if !fresh {
		url, err := ca.find(ctx, known, key)
		if url != "" {
			return ca.found(ctx, *stored, held{acme.Account{Location: url, PrivateKey: key}, stored.SealedKey})
		}
		// An account whose key was rolled over may look like one that is not there.
		if err != nil && (stored.NextSealedKey == nil || domain.AsFault(err).Kind != domain.FaultOperator) {
			return none, err
		}
		if stored.NextSealedKey != nil {
			next, openErr := ca.openKey(ctx, stored.NextSealedKey)
			if openErr != nil {
				return none, openErr
			}
			url, findErr := ca.find(ctx, known, next)
			if url != "" {
				if err := ca.switchKey(ctx, next, stored.NextSealedKey); err != nil {
					return none, err
				}
				ca.logger.InfoContext(ctx, "account key rollover finished", "account", url)
				return ca.found(ctx, *stored, held{acme.Account{Location: url, PrivateKey: next}, stored.NextSealedKey})
			}
			if findErr != nil {
				return none, findErr
			}
		}
		if err != nil {
			return none, err
		}
		if ca.config.OnlyReturnExisting {
			return none, domain.NewFault(domain.FaultOperator, domain.ReasonAccountDoesNotExist, nil,
				"issuer %q: the CA has no account for the stored key, and onlyReturnExisting lets none be made: restore the "+
					"right row of the table accounts, or leave the setting out to register",
				ca.config.Issuer)
		}
	}
	url, err := ca.newAccount(ctx, known, key)
	if err != nil {
		return none, err
	}
	err = ca.accounts.RecordRegistration(ctx, ca.config.Issuer, ca.config.Directory,
		ports.Registration{URL: url, Contact: ca.config.Email})
	if err != nil {
		return none, err
	}
	ca.logger.InfoContext(ctx, "account registered", "account", url, "before", stored.URL)
	stored.Contact = ca.config.Email
	return held{acme.Account{Location: url, PrivateKey: key}, stored.SealedKey}, nil
}

// found records an account that the CA has.
func (ca *CA) found(ctx context.Context, stored ports.Account, account held) (held, error) {
	if account.Location == stored.URL {
		return account, nil
	}
	ca.logger.InfoContext(ctx, "account found at the CA", "account", account.Location, "before", stored.URL)
	return account, ca.accounts.RecordRegistration(ctx, ca.config.Issuer, ca.config.Directory,
		ports.Registration{URL: account.Location, Found: true})
}

// find looks the key's account up; the URL is empty if the CA has none. RFC 8555 §7.3.1: with onlyReturnExisting "the
// server MUST NOT create a new account". A CA that would bind first does not know the key.
func (ca *CA) find(ctx context.Context, known *knownDirectory, key crypto.Signer) (url string, err error) {
	tracked, x := track(ctx)
	defer x.done()
	account, err := known.client.GetAccount(tracked, acme.Account{PrivateKey: key})
	if isProblem(err, acme.ProblemTypeAccountDoesNotExist, acme.ProblemTypeExternalAccountRequired) {
		return "", nil
	}
	return ca.accountURL(ctx, "look the account up", account, err, x)
}

// newAccount registers the key. RFC 8555 §7.3.1: for a known key the CA answers with the existing account.
func (ca *CA) newAccount(ctx context.Context, known *knownDirectory, key crypto.Signer) (url string, err error) {
	if err := ca.checkBinding(known); err != nil {
		return "", err
	}
	const what = "register the account"
	wanted := acme.Account{TermsOfServiceAgreed: true, PrivateKey: key, Contact: ca.contact()}
	tracked, x := track(ctx)
	defer x.done()
	if eab := ca.config.EAB; !eab.none() {
		err := wanted.SetExternalAccountBinding(tracked, known.client, acme.EAB{KeyID: eab.KeyID, MACKey: eab.key()})
		if err != nil {
			return "", ca.interpret(context.WithoutCancel(ctx), what, err, x)
		}
	}
	account, err := known.client.NewAccount(tracked, wanted)
	url, err = ca.accountURL(ctx, what, account, err, x)
	if err == nil {
		return url, nil
	}
	fault := domain.AsFault(err)
	switch {
	case fault.Reason == domain.ReasonExternalAccountRequired:
		fault.Message += "; set " + eabSetting
	case fault.Kind == domain.FaultOperator && !ca.config.EAB.none():
		fault.Message += "; the binding of " + eabSetting + " was sent, which some CAs take once only"
	}
	return "", fault
}

// accountURL reads the answer to newAccount. ctx is nobody's but ours here (see shared), so its end is the CA's
// slowness.
func (ca *CA) accountURL(ctx context.Context, what string, account acme.Account, err error,
	x *exchange) (string, error) {
	if err != nil {
		return "", ca.interpret(context.WithoutCancel(ctx), what, err, x)
	}
	if account.Location == "" {
		return "", domain.NewFault(domain.FaultCA, domain.ReasonMalformedAnswer, nil,
			"issuer %q: %s: the CA gave no account URL", ca.config.Issuer, what)
	}
	return account.Location, nil
}

// checkBinding refuses to register where the CA asks for a binding (RFC 8555 §7.1.1) and none is configured.
func (ca *CA) checkBinding(known *knownDirectory) error {
	if known.Meta == nil || !known.Meta.ExternalAccountRequired || !ca.config.EAB.none() {
		return nil
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonExternalAccountRequired, nil,
		"issuer %q: the CA registers customers of its own only (external account binding): set %s to the key ID and HMAC "+
			"key that its console gives",
		ca.config.Issuer, eabSetting)
}
