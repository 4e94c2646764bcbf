package lifecycle

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSearchableNames(t *testing.T) {
	t.Parallel()
	few := []string{"www.example.com", "example.com"}
	require.Equal(t, few, SearchableNames(few))
	require.Empty(t, SearchableNames(nil))
	require.Empty(t, SearchableNames([]string{strings.Repeat("a", 3000)}), "not even one")
	var many []string
	for range 100 {
		many = append(many, strings.Repeat("<", 10)+".example.com") // JSON makes six bytes of each
	}
	fit := SearchableNames(many)
	encoded, err := json.Marshal(fit)
	require.NoError(t, err)
	require.LessOrEqual(t, len(encoded), searchableLimit)
	require.Greater(t, len(encoded), searchableLimit-100)
	require.Equal(t, many[:len(fit)], fit)
}

// Each character is counted as what JSON may make of it, to the byte.
func TestSearchableNamesFitToTheByte(t *testing.T) {
	t.Parallel()
	const room = searchableLimit - len(`[]"",`)
	for text, size := range map[string]int{"a": 1, " ": 1, "~": 1, "\x1f": 6, "\x7f": 6, `"`: 6, `\`: 6, "<": 6,
		">": 6, "&": 6, "\u00fc": 12} {
		name := strings.Repeat(text, room/size) + strings.Repeat("a", room%size)
		require.Len(t, SearchableNames([]string{name}), 1, "%q", text)
		require.Empty(t, SearchableNames([]string{name + "a"}), "%q", text)
	}
}
