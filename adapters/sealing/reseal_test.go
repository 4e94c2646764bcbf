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
	seal := func(url string, place domain.Place, text string) []byte {
		sealed, err := ring(t, url).Seal(t.Context(), place, []byte(text))
		require.NoError(t, err)
		return sealed
	}
	account := domain.AccountKeyPlace("default", "https://ca.example/directory")
	key := func(n int) domain.Place { return domain.CertificateKeyPlace("web", fmt.Sprint("k", n)) }
	broken := seal(oldURL, key(2), "broken")
	broken[len(broken)-1] ^= 1
	found := []ports.SealedSecret{
		{Kind: ports.SecretAccount, ID: "default", Sealed: seal(oldURL, account, "account")},
		{Kind: ports.SecretNextAccount, ID: "default", Sealed: seal(oldURL, account, "next")},
		{Kind: ports.SecretKey, ID: "k1", Sealed: seal(oldURL, key(1), "one")},
		{Kind: ports.SecretKey, ID: "k2", Sealed: broken},
		{Kind: ports.SecretKey, ID: "k3", Sealed: seal(strangeURL, key(3), "three")},
		{Kind: ports.SecretKey, ID: "k4", Sealed: seal(oldURL, key(1), "one")},
		{Kind: ports.SecretKey, ID: "k5", Sealed: seal(oldURL, account, "account")},
		{Kind: ports.SecretKey, ID: "k6", Sealed: seal(oldURL, key(6), "six")},
	}
	for i := range found {
		found[i].Owner = "web"
		if found[i].Kind != ports.SecretKey {
			found[i].Owner = "https://ca.example/directory"
		}
	}
	secrets := mocks.NewMockSecrets(gomock.NewController(t))
	rotated := ring(t, newURL, oldURL)
	resealer := sealing.NewResealer(rotated, secrets, running(t))
	after := ring(t, newURL) // the old key is gone
	secrets.EXPECT().CountStale(gomock.Any(), rotated.Mark()).Return(8, nil)
	secrets.EXPECT().ListStale(gomock.Any(), rotated.Mark(), "k0", gomock.Any()).Return(found, nil)
	secrets.EXPECT().ReplaceSealed(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(
		func(_ context.Context, old []ports.SealedSecret, sealed [][]byte) (int, error) {
			require.Equal(t, []ports.SealedSecret{found[0], found[1], found[2], found[7]}, old)
			for i, belongs := range []domain.Place{account, account, key(1), key(6)} {
				opened, err := after.Open(t.Context(), belongs, sealed[i])
				require.NoError(t, err, "it keeps its place")
				require.Equal(t, []string{"account", "next", "one", "six"}[i], string(opened))
			}
			return 2, nil // another one was faster with the others
		})
	stale, err := resealer.Stale(t.Context())
	require.NoError(t, err)
	require.Equal(t, 8, stale)
	done, err := resealer.Reseal(t.Context(), "k0")
	require.NoError(t, err)
	require.Equal(t, ports.ResealedPage{Page: ports.PageState{After: "k6", Done: true}, Resealed: 2,
		Failed: []ports.UnopenedSecret{
			{Kind: ports.SecretKey, ID: "k2", Certificate: "web", Reason: "SecretDamaged"},
			{Kind: ports.SecretKey, ID: "k3", Certificate: "web", Reason: "SealingKeyWrong"},
			{Kind: ports.SecretKey, ID: "k4", Certificate: "web", Reason: "SecretMisplaced"},
			{Kind: ports.SecretKey, ID: "k5", Certificate: "web", Reason: "SecretMisplaced"},
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
	keys.EXPECT().Open(gomock.Any(), gomock.Any(), gomock.Any()).MinTimes(1).Return(nil, away)
	var found []ports.SealedSecret
	for i := range 20 {
		found = append(found, ports.SealedSecret{Kind: ports.SecretKey, ID: fmt.Sprint(i)})
	}
	secrets.EXPECT().ListStale(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(found, nil)
	_, err := sealing.NewResealer(keys, secrets, running(t)).Reseal(t.Context(), "")
	requireFault(t, err, domain.FaultWait, "SealingUnavailable")
}
