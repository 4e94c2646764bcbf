package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"everleaf/domain"
)

func (ca *CA) sealNewKey(ctx context.Context) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return ca.sealer.Seal(ctx, ca.keyPlace(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// keyPlace is where the account's keys belong.
func (ca *CA) keyPlace() domain.Place {
	return domain.AccountKeyPlace(ca.config.Issuer, ca.config.Directory)
}

// openKey opens an account key. What the sealer returns stays out of every message.
func (ca *CA) openKey(ctx context.Context, sealed []byte) (crypto.Signer, error) {
	plain, err := ca.sealer.Open(ctx, ca.keyPlace(), sealed)
	if err != nil {
		return nil, domain.About(err, fmt.Sprintf("issuer %q: the account's key", ca.config.Issuer))
	}
	if key := parseKey(plain); key != nil {
		return key, nil
	}
	return nil, domain.NewFault(domain.FaultOperator, domain.ReasonAccountKeyUnreadable, nil,
		"issuer %q: the stored account key is not a PKCS #8 private key; restore it or remove the account's row to "+
			"register again",
		ca.config.Issuer)
}

// parseKey reads a PKCS #8 key in PEM; nil if it is none.
func parseKey(plain []byte) crypto.Signer {
	if block, _ := pem.Decode(plain); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			signer, _ := key.(crypto.Signer)
			return signer
		}
	}
	return nil
}

func sameKey(a, b crypto.Signer) bool {
	public, ok := a.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(b.Public())
}
