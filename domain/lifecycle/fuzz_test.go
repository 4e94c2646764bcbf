package lifecycle

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Whatever stands in a history, a workflow begins with a state that it can go on from, or with one of two errors.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `[]`, `{"spec":{"names":["a.example"]}}`, `{"resume":true}`,
		`{"machine":1,"mode":"Clearing","spec":{"names":["a.example"],"deliveries":["nginx"]},
			"want":{"reason":"Renewal"},"cycle":3,"priority":2}`,
		`{"machine":999999}`, `{"machine":-1,"spec":{"names":[1]}}`, `{"spec":{"names":["a"],"names":["b"]}}`,
		`{"spec":{"names":["a.example"]},"expectedGeneration":7,"caller":"me"}`, `{"cycle":1e99}`, "\xff"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, input []byte, continued bool) {
		state, err := Decode(input, continued)
		if err != nil {
			var fault *domain.Fault
			if !continued {
				require.ErrorAs(t, err, &fault)
				require.Equal(t, domain.FaultSpec, fault.Kind)
				require.Less(t, len(fault.Message), 1500)
			} else if !errors.As(err, new(*NewerStateError)) {
				require.ErrorContains(t, err, "decode the workflow's state")
			}
			return
		}
		require.Contains(t, []Mode{Active, Retiring, Clearing}, state.Mode)
		handed, err := json.Marshal(state)
		require.NoError(t, err)
		if state.Machine > 0 {
			again, err := Decode(handed, true)
			require.NoError(t, err)
			require.Equal(t, state.Mode, again.Mode)
		}
		New("certificate/fuzz", state, 1, "start", time.Unix(0, 0))
	})
}
