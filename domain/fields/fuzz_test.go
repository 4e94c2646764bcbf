package fields_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain/fields"
)

func FuzzFields(f *testing.F) {
	for _, seed := range []string{`{"names": ["a"], "spec": {"names": null}}`, `{"a": 1, "a": {"a": 2}}`, `[{"a": [1]}]`, `{`, ``,
		`{"specs": [{"names": []}, {"x": 1}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		unknown, twice := fields.Unknown[outer](text), fields.Twice(text)
		require.Less(t, len(unknown), 600)
		require.Less(t, len(twice), 600)
		if !json.Valid(text) {
			require.Empty(t, unknown+twice)
		}
	})
}
