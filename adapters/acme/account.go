package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
	"everleaf/ports"
)

// AccountURL is the account's URL at the CA; the account is made on first use.
func (ca *CA) AccountURL(ctx context.Context) (string, error) {
	var url string
	err := ca.attempt(ctx, "find the account", func(_ context.Context, s *session) error {
		url = s.account.Location
		return nil
	})
	return url, err
}

// registered returns the account with its key in memory.
func (ca *CA) registered(ctx context.Context, known *knownDirectory) (acme.Account, error) {
	if account := ca.currentAccount(); account != nil {
		return *account, nil
	}
	account, err := ca.shared(ctx, "account", func(ctx context.Context) (any, error) {
		if account := ca.currentAccount(); account != nil {
			return *account, nil
		}
		return ca.register(ctx, known)
	})
	if err != nil {
		return acme.Account{}, err
	}
	return account.(acme.Account), nil
}

func (ca *CA) currentAccount() *acme.Account {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return ca.account
}

// forget drops the account after the CA said that it has none at url.
func (ca *CA) forget(url string) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.account != nil && ca.account.Location == url {
		ca.account, ca.lost = nil, url
	}
}

func (ca *CA) register(ctx context.Context, known *knownDirectory) (acme.Account, error) {
	stored, err := ca.storedAccount(ctx)
	if err != nil {
		return acme.Account{}, err
	}
	key, err := ca.openKey(ctx, stored.SealedKey)
	if err != nil {
		return acme.Account{}, err
	}
	ca.mu.Lock()
	lost := ca.lost
	ca.mu.Unlock()
	account := acme.Account{Location: stored.URL, PrivateKey: key}
	if stored.URL == "" || stored.URL == lost {
		if account, err = ca.newAccount(ctx, known, key); err != nil {
			return acme.Account{}, err
		}
		if err := ca.accounts.RecordAccountURL(ctx, ca.config.Issuer, ca.config.Directory, account.Location); err != nil {
			return acme.Account{}, err
		}
		ca.logger.InfoContext(ctx, "account registered", "account", account.Location, "lost", lost)
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.account, ca.lost = &account, ""
	return account, nil
}

// storedAccount finds the account or stores a new key. The key is stored before the CA hears of it, so that a crash in
// between leaves no account whose key is lost.
func (ca *CA) storedAccount(ctx context.Context) (ports.Account, error) {
	found, err := ca.accounts.FindAccount(ctx, ca.config.Issuer, ca.config.Directory)
	if err != nil {
		return ports.Account{}, err
	}
	if found != nil {
		return *found, nil
	}
	sealed, err := ca.sealNewKey(ctx)
	if err != nil {
		return ports.Account{}, err
	}
	return ca.accounts.AddAccount(ctx, ports.Account{
		Issuer: ca.config.Issuer, Directory: ca.config.Directory, SealedKey: sealed,
	})
}

// newAccount registers the key. RFC 8555 §7.3.1: for a known key the CA answers with the existing account.
func (ca *CA) newAccount(ctx context.Context, known *knownDirectory, key crypto.Signer) (acme.Account, error) {
	wanted := acme.Account{TermsOfServiceAgreed: true, PrivateKey: key}
	if ca.config.Email != "" {
		wanted.Contact = []string{"mailto:" + ca.config.Email}
	}
	tracked, x := track(ctx)
	defer x.done()
	account, err := known.client.NewAccount(tracked, wanted)
	if err != nil {
		return acme.Account{}, ca.interpret(context.WithoutCancel(ctx), "register the account", err, x)
	}
	if account.Location == "" {
		return acme.Account{}, domain.NewFault(domain.FaultCA, "MalformedAnswer", nil,
			"issuer %q: register the account: the CA gave no account URL", ca.config.Issuer)
	}
	return acme.Account{Location: account.Location, PrivateKey: key}, nil
}

func (ca *CA) sealNewKey(ctx context.Context) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return ca.sealer.Seal(ctx, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// openKey opens an account key. What the sealer returns stays out of every message.
func (ca *CA) openKey(ctx context.Context, sealed []byte) (crypto.Signer, error) {
	plain, err := ca.sealer.Open(ctx, sealed)
	if err != nil {
		return nil, err
	}
	return ca.parseKey(plain)
}

func (ca *CA) parseKey(plain []byte) (crypto.Signer, error) {
	if block, _ := pem.Decode(plain); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
		}
	}
	return nil, domain.NewFault(domain.FaultOperator, "AccountKeyUnreadable", nil,
		"issuer %q: the stored account key is not a PKCS #8 private key; restore it or remove the account's row to register anew",
		ca.config.Issuer)
}
