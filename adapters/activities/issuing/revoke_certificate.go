package issuing

import (
	"context"
	"encoding/pem"
	"fmt"

	"everleaf/domain"
	"everleaf/ports"
)

// RevokeCertificate revokes a version at the CA that issued it and notes it. A repeat finds it revoked there.
func (a *Activities) RevokeCertificate(ctx context.Context, in ports.RevokeCertificateInput) (ports.RevokeCertificateOutput, error) {
	var none ports.RevokeCertificateOutput
	ctx, stop := a.heartbeat(ctx)
	defer stop()
	ca, err := a.Issuers.Issuer(in.Issued.Issuer)
	if err != nil {
		return none, err
	}
	leaf, err := a.leaf(ctx, in.Issued.Version)
	if err != nil {
		return none, err
	}
	key, err := a.signer(ctx, in)
	if err != nil {
		return none, err
	}
	defer clear(key)
	already, err := ca.Revoke(ctx, leaf, in.Reason, key)
	if err != nil {
		return none, fmt.Errorf("revoke certificate: %w", err)
	}
	if err := a.Certificates.RecordRevoked(ctx, in.Issued.Version, in.Reason, a.Clock.Now()); err != nil {
		return none, fmt.Errorf("record revocation: %w", err)
	}
	a.Observer.CertificateRevoked(ctx, in.Issued.Issuer, in.Reason)
	return ports.RevokeCertificateOutput{Already: already}, nil
}

// signer is the certificate's key if it is to sign, nil for the account's.
func (a *Activities) signer(ctx context.Context, in ports.RevokeCertificateInput) (keyPEM []byte, err error) {
	if in.SignedBy != domain.SignedByCertificateKey {
		return nil, nil
	}
	pair, err := a.Deliveries.Bundle(ctx, in.Issued.Version)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, err := a.Sealer.Open(ctx, pair.SealedKey)
	return key, ports.AboutSecret(err, aboutKey(in.Certificate, in.Issued))
}

// aboutKey names a private key to people.
func aboutKey(certificate string, issued domain.Issued) string {
	return fmt.Sprintf("the key of certificate %q, serial %s", certificate, issued.Serial)
}

// leaf is a stored version's certificate, DER.
func (a *Activities) leaf(ctx context.Context, version string) ([]byte, error) {
	chain, err := a.Certificates.Chain(ctx, version)
	if err != nil {
		return nil, fmt.Errorf("read chain: %w", err)
	}
	return leafOf(chain, version)
}

// leafOf is the leaf of a version's chain, DER.
func leafOf(chain []byte, version string) ([]byte, error) {
	leaf, _ := pem.Decode(chain)
	if leaf == nil {
		return nil, domain.NewFault(domain.FaultOperator, "ChainMalformed", nil, "version %s: the stored chain is not PEM", version)
	}
	return leaf.Bytes, nil
}
