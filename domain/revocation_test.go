package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestRevocationCodes(t *testing.T) {
	t.Parallel()
	for reason, want := range map[domain.RevocationReason]int{
		"": 0, "unspecified": 0, "keyCompromise": 1, "affiliationChanged": 3, "superseded": 4,
		"cessationOfOperation": 5,
	} {
		code, err := reason.Code()
		require.NoError(t, err, reason)
		require.Equal(t, want, code, reason)
	}
	_, err := domain.RevocationReason("certificateHold").Code()
	requireSpecFault(t, err, domain.ReasonUnknownReason,
		`"certificateHold": choose one of affiliationChanged, cessationOfOperation, `+
			"keyCompromise, superseded, unspecified", "")
}

func TestRevocationSigner(t *testing.T) {
	t.Parallel()
	for _, signer := range []domain.RevocationSigner{"", domain.SignedByAccount, domain.SignedByCertificateKey} {
		require.NoError(t, signer.Check())
	}
	requireSpecFault(t, domain.RevocationSigner("me").Check(), domain.ReasonUnknownSigner,
		`signedBy "me": unknown; use account or certificateKey`, "")
}

func TestDeliveryWait(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Hour, domain.RevokedKeyCompromise.DeliveryWait())
	require.Equal(t, 24*time.Hour, domain.RevokedSuperseded.DeliveryWait())
	require.Equal(t, 24*time.Hour, domain.RevocationReason("").DeliveryWait())
}
