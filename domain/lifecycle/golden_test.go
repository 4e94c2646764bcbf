package lifecycle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// golden are states as runs hand them on. Those in testdata/states may be in the histories of live workflows: from the
// release of their version on, none changes. A field that comes later is in a state of a later version.
var golden = map[string]State{
	"active": {
		Machine: 1, Mode: Active, Cycle: 5, Tenant: "team", Priority: 2,
		Spec: domain.Spec{
			Names: []string{"www.example.com", "example.com"}, Issuers: []string{"default", "spare"},
			Profile: "tlsserver", KeyType: domain.KeyECDSAP256,
			Challenge: domain.ChallengeDNS01, KeyRotation: domain.RotateNever, Tenant: "shop",
			Deliveries: []string{"disk", "files@host"},
		},
		Visible: &Visible{
			State: string(domain.PhaseReady), Issuer: "default", Names: []string{"www.example.com", "example.com"},
			NotAfter:    time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC),
			NextRenewal: time.Date(2027, 1, 30, 12, 0, 0, 0, time.UTC),
		},
	},
	"wanting": {
		Machine: 1, Mode: Active, Cycle: 1, Spec: domain.Spec{Names: []string{"www.example.com"}},
		Want: &domain.Want{
			Reason: domain.WakeRequested, Replaces: "0198a1b2-0000-7000-8000-000000000001", Force: true, Tried: true,
			Planned: time.Date(2027, 1, 30, 12, 0, 0, 0, time.UTC),
		},
	},
	"edited": {
		Machine: 1, Mode: Active, Generation: 3, Expected: generation(specA),
		Spec: domain.Spec{Names: []string{"www.example.com"}, Fleet: "edge"},
	},
	"retiring": {Machine: 1, Mode: Retiring, Cycle: 1, Spec: domain.Spec{Names: []string{"www.example.com"}}},
	"clearing": {Machine: 1, Mode: Clearing, Cycle: 1,
		Spec: domain.Spec{Names: []string{"www.example.com"}, Deliveries: []string{"disk"}}},
}

// A state that was handed on is read, and written, as it always was.
func TestGoldenStates(t *testing.T) {
	for name, state := range golden {
		stored, err := os.ReadFile(filepath.Join("testdata/states", name+".json"))
		require.NoError(t, err)
		decoded, err := Decode(stored, true)
		require.NoError(t, err)
		require.Equal(t, state, decoded, name)
		encoded, err := json.MarshalIndent(state, "", "  ")
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(string(stored)), string(encoded), name)
	}
	files, err := os.ReadDir("testdata/states")
	require.NoError(t, err)
	require.Len(t, files, len(golden), "each file is read")
}

// Every field is in a golden state: one that is new is added to one.
func TestGoldenStatesAreWhole(t *testing.T) {
	var set func(path string, v reflect.Value, into map[string]bool)
	set = func(path string, v reflect.Value, into map[string]bool) {
		if v.Kind() == reflect.Pointer {
			v = reflect.New(v.Type().Elem()).Elem()
		}
		if v.Kind() == reflect.Struct && v.Type() != timeType {
			for i := range v.NumField() {
				if v.Type().Field(i).Tag.Get("json") != "-" { // it is not handed on
					set(path+"."+v.Type().Field(i).Name, v.Field(i), into)
				}
			}
			return
		}
		into[path] = false
	}
	fields := map[string]bool{}
	set("State", reflect.ValueOf(State{}), fields)
	var mark func(path string, v reflect.Value)
	mark = func(path string, v reflect.Value) {
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if v.Kind() == reflect.Struct && v.Type() != timeType {
			for i := range v.NumField() {
				mark(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
			return
		}
		if v.Kind() != reflect.Pointer && !v.IsZero() {
			fields[path] = true
		}
	}
	for _, state := range golden {
		mark("State", reflect.ValueOf(state))
	}
	for path, seen := range fields {
		require.True(t, seen, "%s is in no golden state", path)
	}
}
