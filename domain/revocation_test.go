package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestRevocationCodes(t *testing.T) {
	for reason, want := range map[domain.RevocationReason]int{
		"": 0, "unspecified": 0, "keyCompromise": 1, "affiliationChanged": 3, "superseded": 4, "cessationOfOperation": 5,
	} {
		code, err := reason.Code()
		require.NoError(t, err, reason)
		require.Equal(t, want, code, reason)
	}
	_, err := domain.RevocationReason("certificateHold").Code()
	require.Equal(t, domain.FaultSpec, domain.AsFault(err).Kind)
	require.ErrorContains(t, err, "affiliationChanged, cessationOfOperation, keyCompromise")
}
