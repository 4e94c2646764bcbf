package shop

import (
	"context"
	"strings"
	"testing"

	"everleaf/adapters/caller"
	"everleaf/adapters/caller/callertest"
)

func TestTheOwnerMustActFirst(t *testing.T) {
	everleaf := callertest.New()
	shops := Shops{Certificates: everleaf}
	everleaf.Fail("hats.example.com", caller.Fault{Kind: caller.FaultName, Reason: "DNSFailed", Message: "no such name"})
	err := shops.Open(context.Background(), "hats.example.com")
	if err == nil || !strings.Contains(err.Error(), "must act first") {
		t.Fatal(err)
	}

	everleaf.Succeed("hats.example.com") // Everleaf tries again by itself; the fake at a Renew
	if _, err := everleaf.Renew(context.Background(), "hats.example.com", caller.RenewRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := shops.Open(context.Background(), "hats.example.com"); err != nil {
		t.Fatal(err)
	}
}
