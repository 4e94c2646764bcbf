package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Which issuer is asked next.
func TestDecideAsksTheNextIssuer(t *testing.T) {
	t.Parallel()
	three := []string{"a", "b", "c"}
	dead := domain.Fault{Kind: domain.FaultName, Reason: domain.ReasonCAAForbids, Message: "no"}
	for _, c := range []struct {
		name           string
		failed         domain.Failed
		next, recorded string
	}{
		{"the first of three", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: three}, Issuer: "a"}, "b", "a"},
		{"the first, unnamed", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: three}}, "b", "a"},
		{"the second", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: three}, Issuer: "b"}, "c", "b"},
		{"the last", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: three}, Issuer: "c"}, "", "c"},
		{"the name's fault", domain.Failed{Fault: dead, Spec: domain.Spec{Issuers: three}, Issuer: "a"}, "", "a"},
		{"the only one", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: []string{"a"}}, Issuer: "a"}, "", ""},
		{"the default", domain.Failed{Fault: caDown}, "", ""},
		{"a delivery", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: three}, Target: "t", Version: "v"}, "",
			""},
		{"a removal", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: three}, Target: "t"}, "", ""},
		{"a revocation", domain.Failed{Fault: caDown, Spec: domain.Spec{Issuers: three}, Version: "v"}, "", ""},
	} {
		c.failed.At = noon
		got := domain.Decide(c.failed)
		require.Equal(t, c.next, got.Next, c.name)
		require.Equal(t, c.recorded, got.Failure.Issuer, c.name)
	}
}

// The failure that stands when all issuers failed: the one that is tried again first, of those after which another CA
// may be asked. Its message has all of theirs.
func TestDecideWhenAllIssuersFailed(t *testing.T) {
	t.Parallel()
	spec := domain.Spec{Issuers: []string{"a", "b", "c"}}
	tried := func(faults ...domain.Fault) (failures []domain.Failure) {
		for i, fault := range faults {
			decision := domain.Decide(domain.Failed{Fault: fault, At: noon, Spec: spec, Issuer: spec.Issuers[i],
				Tried: failures})
			require.Equal(t, spec.Issuers[i+1], decision.Next)
			failures = append(failures, decision.Failure)
		}
		return failures
	}
	says := func(fault domain.Fault, message string) domain.Fault {
		fault.Message = message
		return fault
	}
	dead := domain.Fault{Kind: domain.FaultName, Reason: domain.ReasonCAAForbids, Message: "forbidden"}
	for _, c := range []struct {
		name    string
		tried   []domain.Failure
		last    domain.Fault
		issuer  string
		wait    time.Duration
		message string
	}{
		{"the first of equals", tried(caDown, says(caDown, "down")), says(caDown, "down too"), "a", time.Minute,
			"a: the CA failed; then b: down; then c: down too"},
		{"the second is tried first", tried(asks(limited, 2*time.Hour), caDown), asks(limited, 3*time.Hour), "b",
			time.Minute,
			"a: too many; then b: the CA failed; then c: too many"},
		{"the last is tried first", tried(asks(limited, 3*time.Hour), asks(limited, 2*time.Hour)), caDown, "c",
			time.Minute,
			"a: too many; then b: too many; then c: the CA failed"},
		{"the last is nothing to wait for", tried(asks(limited, 3*time.Hour), asks(limited, 2*time.Hour)), dead, "b",
			2 * time.Hour,
			"a: too many; then b: too many; then c: forbidden"},
	} {
		before := len(c.tried)
		got := domain.Decide(domain.Failed{Fault: c.last, At: noon, Spec: spec, Issuer: "c", Tried: c.tried})
		require.Empty(t, got.Next, c.name)
		require.Equal(t, c.issuer, got.Failure.Issuer, c.name)
		require.Equal(t, c.wait, got.Failure.RetryAt.Sub(noon), c.name)
		require.Equal(t, c.message, got.Failure.Fault.Message, c.name)
		require.Len(t, c.tried, before)
	}
}

// Each issuer's message has its share of the room.
func TestDecideGivesEachIssuerItsShare(t *testing.T) {
	t.Parallel()
	issuers := []string{"a", "b", "c", "d", "e"}
	var tried []domain.Failure
	long := domain.Fault{Kind: domain.FaultCA, Reason: domain.ReasonServerError,
		Message: strings.Repeat("x", 1_900_000)}
	for _, issuer := range issuers {
		decision := domain.Decide(domain.Failed{Fault: long, At: noon, Spec: domain.Spec{Issuers: issuers},
			Issuer: issuer, Tried: tried})
		tried = append(tried, decision.Failure)
	}
	message := tried[4].Fault.Message
	require.LessOrEqual(t, len(message), 1000)
	require.Greater(t, len(message), 950)
	for _, issuer := range issuers {
		require.Contains(t, message, issuer+": xxx")
	}
}
