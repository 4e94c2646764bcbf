package fields_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain/fields"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"nginx": "nginx", "ngnix": "nginx", "hok": "hook", "haproxy": "", "": "",
		"xxxnginx": "nginx", "xxxxnginx": ""} {
		require.Equal(t, want, fields.Nearest(name, []string{"nginx", "hook"}), name)
	}
}

type inner struct {
	Names  []string `json:"names"`
	Hidden string   `json:"-"`
}

type outer struct {
	inner
	Spec  *inner    `json:"spec,omitempty"`
	Specs []inner   `json:"specs,omitempty"`
	At    time.Time `json:"at"`
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: "", `null`: "", `[]`: "", `7`: "", `no JSON`: "", ``: "",
		`{"names": ["a"], "spec": {"names": null}, "specs": [{}, null], "at": "2026-11-28T00:00:00Z"}`: "",
		// What is of another type is the decoder's to refuse.
		`{"names": {"a": 1}, "spec": [{"a": 1}], "specs": {"a": 1}, "at": {"a": 1}}`: "",
		`{"nmaes": ["a"]}`:                 `"nmaes": there is no such field; there are at, names, spec, specs; did you mean "names"?`,
		`{"Names": ["a"]}`:                 `"Names": there is no such field; there are at, names, spec, specs; did you mean "names"?`,
		`{"spec": {"spec": {}}}`:           `"spec.spec": there is no such field; there are names`,
		`{"specs": [{}, {"Hidden": "a"}]}`: `"specs[1].Hidden": there is no such field; there are names`,
		`{"-": 1, "b": 1}`:                 `"-": `,
		`{"a\nb": 1}`:                      `"a\nb": `,
	} {
		said := fields.Unknown[outer]([]byte(text))
		if want == "" {
			require.Empty(t, said, text)
		} else {
			require.True(t, strings.HasPrefix(said, want), "%s: %s", text, said)
		}
	}
	require.Less(t, len(fields.Unknown[outer]([]byte(`{"`+strings.Repeat("é", 10_000)+`": 1}`))), 300)
}

func TestTwice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"names": ["a"], "names": ["b"]}`:                         `"names": it is there twice`,
		`{"spec": {"names": []}, "spec": {}}`:                      `"spec": it is there twice`,
		`{"specs": [{"names": []}, {"names": null, "names": []}]}`: `"specs[1].names": it is there twice`,
		`{"specs": [{"names": []}, {"names": []}]}`:                "",
		`{"a": {"b": 1}, "b": 1}`:                                  "", `[]`: "", `7`: "", ``: "", `{"a": 1, "a"`: "",
	} {
		require.Equal(t, want, fields.Twice([]byte(text)), text)
	}
	name := strings.Repeat("é", 10_000)
	require.Less(t, len(fields.Twice([]byte(`{"`+name+`": 1, "`+name+`": 2}`))), 300)
	deep := strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000)
	require.Empty(t, fields.Twice([]byte(deep)))
}
