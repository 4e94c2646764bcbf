package acme

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

// Revoke asks for the certificate's revocation, signed by the account's key or by the certificate's own (RFC 8555 §7.6:
// the account that issued it may, and the holder of its key). With the latter no account is needed, and none is made.
// Faults: Spec "UnknownReason", Operator "RevocationUnsupported" if the CA's directory has no revokeCert.
func (ca *CA) Revoke(ctx context.Context, leaf []byte, reason domain.RevocationReason,
	keyPEM []byte) (already bool, err error) {
	code, err := reason.Code()
	if err != nil {
		return false, err
	}
	certificate, err := x509.ParseCertificate(leaf)
	if err != nil {
		return false, domain.NewFault(domain.FaultOperator, domain.ReasonCertificateUnreadable, err,
			"issuer %q: revoke the certificate: the stored leaf is no certificate", ca.config.Issuer)
	}
	var signer crypto.Signer
	attempt := ca.attempt
	if len(keyPEM) > 0 {
		attempt = ca.attemptWithoutAccount
		if signer = parseKey(keyPEM); signer == nil {
			return false, domain.NewFault(domain.FaultOperator, domain.ReasonCertificateKeyUnreadable, nil,
				"issuer %q: revoke the certificate: its stored key is not a PKCS #8 private key", ca.config.Issuer)
		}
	}
	err = attempt(ctx, "revoke the certificate", func(ctx context.Context, s *session) error {
		if s.directory.RevokeCert == "" {
			return domain.NewFault(domain.FaultOperator, domain.ReasonRevocationUnsupported, nil,
				"issuer %q: its directory has no revokeCert: it cannot revoke by ACME", ca.config.Issuer)
		}
		err := s.RevokeCertificate(ctx, s.account, certificate, signer, code)
		// RFC 8555 §7.6: "If the certificate has already been revoked, the server returns an error response".
		if isProblem(err, acme.ProblemTypeAlreadyRevoked) {
			already = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("serial %x: %w", certificate.SerialNumber, err)
		}
		return nil
	})
	return already, err
}
