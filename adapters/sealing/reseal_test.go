package sealing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestResealingNeedsAnEarlierKey(t *testing.T) {
	t.Parallel()
	url, _ := keyFile(t, 1)
	resealer := sealing.NewResealer(ring(t, url), mocks.NewMockSecrets(gomock.NewController(t)), nil) // nobody is asked
	stale, err := resealer.Stale(t.Context())
	require.NoError(t, err)
	require.Zero(t, stale)
	done, err := resealer.Reseal(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, ports.ResealedPage{Page: ports.PageState{Done: true}}, done)
	require.NoError(t, resealer.Finish(t.Context(), 0, nil))
}

func TestResealingSkipsWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	oldURL, _ := keyFile(t, 1)
	newURL, _ := keyFile(t, 2)
	strangeURL, _ := keyFile(t, 3)
	seal := func(url, text string) []byte {
		sealed, err := ring(t, url).Seal(t.Context(), []byte(text))
		require.NoError(t, err)
		return sealed
	}
	broken := seal(oldURL, "broken")
	broken[len(broken)-1] ^= 1
	found := []ports.SealedSecret{
		{Kind: ports.SecretAccount, ID: "default", Sealed: seal(oldURL, "account")},
		{Kind: ports.SecretKey, ID: "k1", Sealed: formatOne(t, 1, "one")},
		{Kind: ports.SecretKey, ID: "k2", Sealed: broken},
		{Kind: ports.SecretKey, ID: "k3", Sealed: seal(strangeURL, "three")},
		{Kind: ports.SecretKey, ID: "k4", Sealed: seal(oldURL, "four")},
	}
	secrets := mocks.NewMockSecrets(gomock.NewController(t))
	rotated := ring(t, newURL, oldURL)
	resealer := sealing.NewResealer(rotated, secrets, running(t))
	after := ring(t, newURL) // the old key is gone
	secrets.EXPECT().CountStale(gomock.Any(), rotated.Mark()).Return(5, nil)
	secrets.EXPECT().ListStale(gomock.Any(), rotated.Mark(), "k0", gomock.Any()).Return(found, nil)
	secrets.EXPECT().ReplaceSealed(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(
		func(_ context.Context, old []ports.SealedSecret, sealed [][]byte) (int, error) {
			require.Equal(t, []ports.SealedSecret{found[0], found[1], found[4]}, old)
			for i, text := range []string{"account", "one", "four"} {
				opened, err := after.Open(t.Context(), sealed[i])
				require.NoError(t, err)
				require.Equal(t, text, string(opened))
			}
			return 2, nil // another one was faster with the third
		})
	secrets.EXPECT().Owners(gomock.Any(), []string{"k2", "k3"}).Return(map[string]string{"k2": "two", "k3": "three"},
		nil)
	stale, err := resealer.Stale(t.Context())
	require.NoError(t, err)
	require.Equal(t, 5, stale)
	done, err := resealer.Reseal(t.Context(), "k0")
	require.NoError(t, err)
	require.Equal(t, ports.ResealedPage{Page: ports.PageState{After: "k4", Done: true}, Resealed: 2,
		Failed: []ports.UnopenedSecret{
			{Kind: ports.SecretKey, ID: "k2", Certificate: "two", Reason: "SecretDamaged"},
			{Kind: ports.SecretKey, ID: "k3", Certificate: "three", Reason: "SealingKeyWrong"},
		}}, done)
}

// What passes by itself is the caller's to repeat: nothing counts as failed because a server was away.
func TestResealingHandsAnOutageOn(t *testing.T) {
	t.Parallel()
	away := domain.NewFault(domain.FaultWait, "SealingUnavailable", errors.New("away"), "away")
	controller := gomock.NewController(t)
	keys, secrets := mocks.NewMockKeyRing(controller), mocks.NewMockSecrets(controller)
	keys.EXPECT().Rotated().AnyTimes().Return(true)
	keys.EXPECT().IDs().AnyTimes().Return([]string{"6d"})
	keys.EXPECT().Mark().AnyTimes().Return([]byte("m"))
	keys.EXPECT().Open(gomock.Any(), gomock.Any()).MinTimes(1).Return(nil, away)
	var found []ports.SealedSecret
	for i := range 20 {
		found = append(found, ports.SealedSecret{Kind: ports.SecretKey, ID: fmt.Sprint(i)})
	}
	secrets.EXPECT().ListStale(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(found, nil)
	_, err := sealing.NewResealer(keys, secrets, running(t)).Reseal(t.Context(), "")
	requireFault(t, err, domain.FaultWait, "SealingUnavailable")
}
