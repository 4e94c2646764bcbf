package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestTargetHost(t *testing.T) {
	t.Parallel()
	for delivery, want := range map[string][2]string{
		"disk": {"disk", ""}, "disk@h1": {"disk", "h1"}, "disk@h1.example.com": {"disk", "h1.example.com"}, "disk@": {"disk", ""}, "": {"", ""},
	} {
		target, host := domain.TargetHost(delivery)
		require.Equal(t, want, [2]string{target, host}, delivery)
	}
}

func TestStillDelivered(t *testing.T) {
	t.Parallel()
	require.Nil(t, domain.StillDelivered("a", nil))
	require.Nil(t, domain.StillDelivered("a", []domain.Delivery{{Target: "never-had-it"}}))
	fault := domain.StillDelivered("a", []domain.Delivery{{Target: "disk", Version: "v1"}, {Target: "none"}, {Target: "web@h1", Version: "v0"}})
	requireSpecFault(t, fault, domain.ReasonStillDelivered, `certificate "a" is retired and was left at its targets disk, web@h1, which`, "")
}
