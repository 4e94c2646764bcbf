package specfile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A file is read or refused with its line, and what was read is written so that it reads the same.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"names: [a.example]\nissuers: [default]\n",
		"fleet: a\ndefaults: {issuers: [x]}\ncertificates:\n  shop: {names: [a.example]}\n",
		"a: &a [*a]\n", "--- {}\n---\n{}", "names: !!binary aGVsbG8=", "{", "names: 7",
		"expectedGeneration: 1e3", "\xff\xfe", "certificates: {a: null}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := ReadFleet("file", content); err != nil {
			require.NotEqual(t, domain.ReasonUnexpected, domain.AsFault(err).Reason)
			require.Equal(t, domain.FaultSpec, domain.AsFault(err).Kind)
		}
		one, err := ReadSpec("file", content)
		if err != nil {
			require.Equal(t, domain.ReasonSpecFile, domain.AsFault(err).Reason)
			return
		}
		written, err := WriteSpec(one)
		require.NoError(t, err)
		again, err := ReadSpec("written", written)
		require.NoError(t, err, "%s", written)
		require.Empty(t, one.Changes(again.Spec), "%s", written)
	})
}
