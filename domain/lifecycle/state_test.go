package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestDecodeFirst(t *testing.T) {
	t.Parallel()
	large := func(octets int) string {
		return `{"spec":{"names":["` + strings.Repeat("a", octets-len(`{"spec":{"names":[""]}}`)) + `"]}}`
	}
	for _, c := range []struct {
		name, input, refused string
	}{
		{"nothing", ``, "NoSpec"},
		{"null", `null`, "NoSpec"},
		{"a spec", `{"spec":{"names":["a.example"]}}`, ""},
		{"no spec is the policy's affair", `{}`, ""},
		{"no object", `["a.example"]`, "InputMalformed"},
		{"no JSON", `a.example`, "InputMalformed"},
		{"cut off", `{"spec":{"names":["a.exa`, "InputMalformed"},
		{"two values", `{} {}`, "InputMalformed"},
		{"names of another type", `{"spec":{"names":"a.example"}}`, "InputMalformed"},
		{"a spec of another type", `{"spec":1}`, "InputMalformed"},
		{"another client's encoding", "\x00\x01proto", "InputMalformed"},
		{"just small enough", large(maxInput), ""},
		{"too large", large(maxInput + 1), "InputTooLarge"},
		{"a newer build's state", `{"machine":999,"spec":{"names":["a.example"]}}`, "UnknownField"},
		{"a state", `{"mode":"Retiring","spec":{"names":["a.example"]}}`, "UnknownField"},
		{"a dry run, which is the update's", `{"dryRun":true,"spec":{"names":["a.example"]}}`, "UnknownField"},
		{"a resumption with a spec", `{"resume":true,"spec":{"names":["a.example"]}}`, "InputMalformed"},
		{"a resumption of a generation", `{"resume":true,"expectedGeneration":0}`, "InputMalformed"},
		{"a typo", `{"spec":{"names":["a.example"],"key_type":"rsa-2048"}}`, "UnknownField"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state, err := Decode([]byte(c.input), false)
			if c.refused == "" {
				require.NoError(t, err)
				require.Equal(t, State{Spec: state.Spec, Mode: Active}, state, "only the spec counts")
				return
			}
			var refusal *domain.Fault
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, c.refused, string(refusal.Reason))
			require.Equal(t, domain.FaultSpec, refusal.Kind)
		})
	}
}

func TestDecodeContinued(t *testing.T) {
	t.Parallel()
	newer := fmt.Sprintf(`{"machine":%d`, Version+1)
	sized := func(octets int) string {
		const head, tail = `{"machine":1,"mode":"Retiring","key":"`, `"}`
		return head + strings.Repeat("k", octets-len(head)-len(tail)) + tail
	}
	for _, c := range []struct {
		name, input string
		want        State
		fails       bool
	}{
		{"nothing", ``, State{}, true},
		{"cut off", `{"machine":1,"spec":{"names":["a.exa`, State{}, true},
		{"wrong types", `{"machine":1,"spec":7}`, State{}, true},
		{"a version of another type", `{"machine":"1"}`, State{}, true},
		{"a newer build's state", newer + `}`, State{}, true},
		{"a newer build's state with other types", newer + `,"spec":[1,2]}`, State{}, true},
		{"another workflow's", `{"spec":{"names":["a.example"]},"mode":"Retiring","cycle":3,"tenant":"them","visible":{"state":"Ready"}}`,
			State{Mode: Active, Spec: domain.Spec{Names: []string{"a.example"}}}, false},
		{"null", `null`, State{Mode: Active}, false},
		{"less than nothing", `{"machine":-1,"mode":"Retiring"}`, State{Mode: Active}, false},
		{"ours", `{"machine":1,"mode":"Clearing","cycle":3,"tenant":"us"}`,
			State{Machine: 1, Mode: Clearing, Cycle: 3, Tenant: "us"}, false},
		{"a mode that is never handed on", `{"machine":1,"mode":"Retired"}`, State{Machine: 1, Mode: Active}, false},
		{"an unknown mode", `{"machine":1,"mode":"Frozen"}`, State{Machine: 1, Mode: Active}, false},
		{"what was asked for", `{"machine":1,"want":{"reason":"Changed"}}`,
			State{Machine: 1, Mode: Active, Want: &domain.Want{Reason: "Changed"}}, false},
		{"a renewal that was asked for", `{"machine":1,"want":{"reason":"Requested"}}`,
			State{Machine: 1, Mode: Active, Want: &domain.Want{Reason: "Requested"}}, false},
		{"a revocation that was asked for", `{"machine":1,"want":{"reason":"Revocation"}}`,
			State{Machine: 1, Mode: Active, Want: &domain.Want{Reason: "Revocation"}}, false},
		{"what nobody asks for", `{"machine":1,"want":{"reason":"Renewal","force":true}}`,
			State{Machine: 1, Mode: Active}, false},
		{"larger than a caller's input may be", `{"machine":1,"key":"` + strings.Repeat("k", maxInput) + `"}`,
			State{Machine: 1, Mode: Active}, false},
		{"as large as a state may be", sized(maxState), State{Machine: 1, Mode: Retiring}, false},
		{"an octet larger", sized(maxState + 1), State{Mode: Active}, false},
		{"larger than a state ever is", `{"machine":1,"mode":"Retiring","key":"` + strings.Repeat("k", maxState) +
			`"}`, State{Mode: Active}, false},
		{"as many targets as a state may have",
			`{"machine":1,"mode":"Retiring","spec":{"deliveries":["t"` + strings.Repeat(`,"t"`, maxDeliveries-1) +
				`]}}`,
			State{Machine: 1, Mode: Retiring,
				Spec: domain.Spec{Deliveries: slices.Repeat([]string{"t"}, maxDeliveries)}}, false},
		{"more targets than a spec may have",
			`{"machine":1,"mode":"Retiring","spec":{"deliveries":["t"` + strings.Repeat(`,"t"`, maxDeliveries) + `]}}`,
			State{Mode: Active, Spec: domain.Spec{Deliveries: slices.Repeat([]string{"t"}, maxDeliveries+1)}}, false},
		{"the highest priority", `{"machine":1,"priority":1}`, State{Machine: 1, Mode: Active, Priority: 1}, false},
		{"a priority that Temporal takes", `{"machine":1,"priority":5}`, State{Machine: 1, Mode: Active, Priority: 5},
			false},
		{"a priority that Temporal refuses", `{"machine":1,"priority":6}`, State{Machine: 1, Mode: Active}, false},
		{"a priority below all", `{"machine":1,"priority":-1}`, State{Machine: 1, Mode: Active}, false},
		{"fields of nobody", `{"machine":1,"key":"-----BEGIN"}`, State{Machine: 1, Mode: Active}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode([]byte(c.input), true)
			if c.fails {
				var refusal *domain.Fault
				require.Error(t, err)
				require.NotErrorAs(t, err, &refusal,
					"the workflow waits for a build that can read it, and does not fail")
				var version *NewerStateError
				require.Equal(t, strings.HasPrefix(c.input, newer), errors.As(err, &version))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

// A spec at all its bounds can be handed on for ever: the state does not grow.
func TestTheLargestStateIsHandedOn(t *testing.T) {
	t.Parallel()
	spec := domain.Spec{Issuers: []string{"ca"}}
	for i := range 100 {
		spec.Names = append(spec.Names, fmt.Sprintf("%s%02d.example", strings.Repeat("a.", 120), i))
	}
	for i := range 20 {
		spec.Deliveries = append(spec.Deliveries,
			fmt.Sprintf("%s%02d@%s", strings.Repeat("t", 61), i, strings.Repeat("h", 63)))
	}
	first, err := Decode(must(json.Marshal(State{Spec: spec})), false)
	require.NoError(t, err)
	state := State{Machine: Version, Spec: first.Spec, Mode: Active, Visible: &Visible{Names: spec.Names}}
	for range 3 {
		text := must(json.Marshal(state))
		again, err := Decode(text, true)
		require.NoError(t, err)
		require.Equal(t, state, again)
		state = again
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	forged := State{Spec: specA, Mode: Retiring, Want: &domain.Want{Force: true}, Cycle: 9, Tenant: "them",
		Visible: &Visible{State: "Ready"}}
	const began = Version - 1
	m := New(name, forged, began, "r1", epoch)
	require.Equal(t, State{Machine: began, Spec: specA, Mode: Active}, m.State,
		"a caller's input is a spec and nothing else")
	require.Len(t, m.Tickets, 1)
	require.Equal(t, domain.Request{ID: "r1", Kind: domain.RequestStart, At: epoch, Spec: &specA}, m.Tickets[0].Request)

	for _, mode := range []Mode{Active, Clearing} {
		handed := State{Machine: Version, Spec: specA, Mode: mode, Cycle: 9, Tenant: "us"}
		m = New(name, handed, began, "r1", epoch)
		// What it hands on is written by the rules under which it began, whatever the build's version.
		handed.Machine = began
		require.Equal(t, handed, m.State)
		require.Empty(t, m.Tickets, "whether it is retired, the record says")
	}
}
