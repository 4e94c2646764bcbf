package sealing_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/sealing"
	"everleaf/domain"
)

// ring opens several keys, the current one first.
func ring(t testing.TB, current string, old ...string) *sealing.Keeper {
	t.Helper()
	keeper, err := sealing.Open(t.Context(), sealing.Config{KeyURL: current, OldKeyURLs: old})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, keeper.Close()) })
	return keeper
}

func TestARotatedRingOpensWhatEitherKeySealed(t *testing.T) {
	t.Parallel()
	oldURL, _ := keyFile(t, 1)
	newURL, _ := keyFile(t, 2)
	before, known, rotated := ring(t, oldURL), ring(t, oldURL, newURL), ring(t, newURL, oldURL)
	require.False(t, before.Rotated())
	require.True(t, rotated.Rotated())
	require.False(t, ring(t, newURL, newURL).Rotated(), "the same key twice is one")
	require.Equal(t, before.Mark(), known.Mark())
	require.NotEqual(t, before.Mark(), rotated.Mark())

	byOld, err := before.Seal(t.Context(), here, []byte("by the old one"))
	require.NoError(t, err)
	byNew, err := rotated.Seal(t.Context(), here, []byte("by the new one"))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(byOld, before.Mark()))
	require.True(t, bytes.HasPrefix(byNew, rotated.Mark()))
	for _, keeper := range []*sealing.Keeper{known, rotated} {
		for sealed, want := range map[string]string{string(byOld): "by the old one", string(byNew): "by the new one"} {
			opened, err := keeper.Open(t.Context(), here, []byte(sealed))
			require.NoError(t, err)
			require.Equal(t, want, string(opened))
		}
	}
	_, err = before.Open(t.Context(), here, byNew)
	requireFault(t, err, domain.FaultOperator, "SealingKeyWrong")
}

// A key service knows its keys itself: one key under two URLs opens what either sealed.
func TestAKeyServiceIsAskedUnderEachOfItsURLs(t *testing.T) {
	asked := map[string]int{}
	serveVault(func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		switch r.URL.Path {
		case "/v1/transit/encrypt/one", "/v1/transit/encrypt/two":
			_, _ = w.Write([]byte(`{"data":{"ciphertext":"vault:v1:x"}}`))
		case "/v1/other/decrypt/one":
			http.Error(w, `{"errors":["away"]}`, http.StatusServiceUnavailable)
		default:
			http.Error(w, `{"errors":["invalid ciphertext"]}`, http.StatusBadRequest)
		}
	})
	fileURL, _ := keyFile(t, 1)
	sealed, err := ring(t, "hashivault://one").Seal(t.Context(), here, []byte("x"))
	require.NoError(t, err)

	_, err = ring(t, "hashivault://two", fileURL, "hashivault://one").Open(t.Context(), here, sealed)
	requireFault(t, err, domain.FaultOperator, "SealingKeyWrong") // the URL holds another key now: no damage
	require.Equal(t, 1, asked["/v1/transit/decrypt/one"])
	require.Equal(t, 1, asked["/v1/transit/decrypt/two"])
	_, err = ring(t, "hashivault://two", "hashivault://one?engine=other").Open(t.Context(), here, sealed)
	requireFault(t, err, domain.FaultWait, "SealingUnavailable") // the key that cannot be asked may be the one
	require.ErrorContains(t, err, "entry 1 of --sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD)")
}

func TestAMalformedOldKeyIsNamedByItsPlace(t *testing.T) {
	t.Parallel()
	url, _ := keyFile(t, 1)
	for _, bad := range []string{"", "file://relative", "base64key://c2VjcmV0"} {
		_, err := sealing.Open(t.Context(), sealing.Config{KeyURL: url, OldKeyURLs: []string{url, bad}})
		requireFault(t, err, domain.FaultOperator, "SealingKeyMalformed")
		require.ErrorContains(t, err, "entry 2 of --sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD) cannot work: it ")
	}
}
