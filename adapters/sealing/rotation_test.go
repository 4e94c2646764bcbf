package sealing_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/secrets/localsecrets"

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

// formatOne seals as earlier releases did, with the key that keyFile makes of the seed.
func formatOne(t testing.TB, seed byte, plaintext string) []byte {
	t.Helper()
	dataKey := bytes.Repeat([]byte{9}, 32)
	keeper := localsecrets.NewKeeper([32]byte(bytes.Repeat([]byte{seed}, 32)))
	defer func() { require.NoError(t, keeper.Close()) }()
	sealedKey, err := keeper.Encrypt(t.Context(), dataKey)
	require.NoError(t, err)
	block, err := aes.NewCipher(dataKey)
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(t, err)
	head := append(binary.BigEndian.AppendUint16([]byte{1}, uint16(len(sealedKey))), sealedKey...)
	return aead.Seal(head, nil, []byte(plaintext), head)
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

	byOld, err := before.Seal(t.Context(), []byte("by the old one"))
	require.NoError(t, err)
	byNew, err := rotated.Seal(t.Context(), []byte("by the new one"))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(byOld, before.Mark()))
	require.True(t, bytes.HasPrefix(byNew, rotated.Mark()))
	for _, keeper := range []*sealing.Keeper{known, rotated} {
		for sealed, want := range map[string]string{string(byOld): "by the old one", string(byNew): "by the new one",
			string(formatOne(t, 1, "by the first release")): "by the first release"} {
			opened, err := keeper.Open(t.Context(), []byte(sealed))
			require.NoError(t, err)
			require.Equal(t, want, string(opened))
		}
	}
	_, err = before.Open(t.Context(), byNew)
	requireFault(t, err, domain.FaultOperator, "SealingKeyWrong")
}

// Secrets of earlier releases say neither which key sealed them nor whether they are whole.
func TestFormatOneTellsDamageOnceItsKeyIsKnown(t *testing.T) {
	t.Parallel()
	url, _ := keyFile(t, 1)
	otherURL, _ := keyFile(t, 2)
	whole := formatOne(t, 1, "secret")
	tail, head := bytes.Clone(whole), bytes.Clone(whole)
	tail[len(tail)-1] ^= 1
	head[10] ^= 1
	fault := func(keeper *sealing.Keeper, sealed []byte) string {
		_, err := keeper.Open(t.Context(), sealed)
		require.Error(t, err)
		return string(domain.AsFault(err).Reason)
	}
	keeper := ring(t, url, otherURL)
	require.Equal(t, "SecretDamaged", fault(keeper, tail), "its data key opens")
	keeper = ring(t, url, otherURL)
	require.Equal(t, "SealingKeyWrong", fault(keeper, head), "nobody knows")
	_, err := keeper.Open(t.Context(), whole)
	require.NoError(t, err)
	require.Equal(t, "SecretDamaged", fault(keeper, head), "one key sealed all of that format, and it is here")
	require.Equal(t, "SealingKeyWrong", fault(ring(t, otherURL), whole))
	require.Equal(t, "SecretDamaged", fault(keeper, whole[:2]))
	require.Equal(t, "SecretDamaged", fault(keeper, whole[:40]))
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
	sealed, err := ring(t, "hashivault://one").Seal(t.Context(), []byte("x"))
	require.NoError(t, err)

	_, err = ring(t, "hashivault://two", fileURL, "hashivault://one").Open(t.Context(), sealed)
	requireFault(t, err, domain.FaultOperator, "SealingKeyWrong") // the URL holds another key now: no damage
	require.Equal(t, 1, asked["/v1/transit/decrypt/one"])
	require.Equal(t, 1, asked["/v1/transit/decrypt/two"])
	_, err = ring(t, "hashivault://two", "hashivault://one?engine=other").Open(t.Context(), sealed)
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
