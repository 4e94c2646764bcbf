package lifecycle

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// The state is all that a run hands to the next: every field of it must come through JSON.
func TestStateSurvivesContinueAsNew(t *testing.T) {
	state := domain.Certificate{
		Spec: domain.Spec{Names: []string{"a.example.com"}, KeyType: domain.KeyRSA2048, Profile: "tlsserver", Issuers: []string{"one", "two"},
			Challenge: domain.ChallengeHTTP01, KeyRotation: domain.RotateNever, Deliveries: []string{"edge@host"}},
		Cycle: 7,
		Issued: &domain.Issued{Version: "v7", Issuer: "one", IssuerCN: "R1", Names: []string{"a.example.com"}, Serial: "0a", NotBefore: start,
			NotAfter: start.Add(90 * day), ARIID: "aki.serial", AccountURL: "https://ca.test/acct/1",
			KeyType: domain.KeyRSA2048, Profile: "tlsserver", Revoked: true},
		Renewal: &domain.RenewalPlan{At: start.Add(60 * day), Reason: "ARIWindow", Message: "as the CA suggests", Fraction: 0.25,
			Window: &domain.Window{Start: start, End: start.Add(day), ExplanationURL: "https://ca.test/why"}},
		Failure: &domain.Failure{
			Fault:    domain.Fault{Kind: domain.FaultCA, Reason: "Busy", Message: "busy", RetryAfter: time.Minute, Final: true, Step: "PlaceOrder"},
			Told:     2,
			Attempts: 2, At: start, RetryAt: start.Add(10 * time.Minute), Step: "PlaceOrder", Issuer: "one",
		},
		Reissue: true,
		Revoking: []domain.Revocation{{Issued: domain.Issued{Version: "v6"}, Reason: domain.RevokedSuperseded,
			SignedBy: domain.SignedByAccount, WithoutReplacement: true, After: start}},
		IssuedFor:  &spec,
		Deliveries: []domain.Delivery{{Target: "edge@host", Version: "v6", At: start, Removing: true}},
		Retiring:   true,
		Left:       []domain.Delivery{{Target: "disk", Version: "v6", At: start}},
	}
	forComparison := state
	forComparison.IssuedFor = &state.Spec
	requireAllSet(t, "state", reflect.ValueOf(forComparison))
	wire, err := json.Marshal(state)
	require.NoError(t, err)
	var back domain.Certificate
	require.NoError(t, json.Unmarshal(wire, &back))
	require.Equal(t, state, back)
}

// requireAllSet fails for a field that was added to the state and not to the test.
func requireAllSet(t *testing.T, path string, value reflect.Value) {
	t.Helper()
	require.False(t, value.IsZero(), "%s is not set: set it in this test", path)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct || value.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range value.NumField() {
		if field := value.Type().Field(i); field.IsExported() {
			requireAllSet(t, path+"."+field.Name, value.Field(i))
		}
	}
}
