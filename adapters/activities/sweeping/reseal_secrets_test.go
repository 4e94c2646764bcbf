package sweeping

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/activities/activitytest"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func resealing(t *testing.T) (*rig, *mocks.MockResealerMockRecorder) {
	r := newRig(t)
	return r, r.resealer.EXPECT()
}

func TestResealSecretsGoesOnUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	r, resealer := resealing(t)
	damaged := ports.UnopenedSecret{Kind: ports.SecretKey, ID: "k2", Certificate: certName, Reason: "SecretDamaged"}
	resealer.Reseal(anything, "k0").Return(ports.ResealedPage{Page: ports.PageState{After: "k4"}, Resealed: 3,
		Failed: []ports.UnopenedSecret{damaged}}, nil)
	resealer.Reseal(anything, "k4").Return(ports.ResealedPage{Page: ports.PageState{After: "k5", Done: true},
		Resealed: 1}, nil)
	resealer.Finish(anything, 4, []ports.UnopenedSecret{damaged})
	out, err := call(r, ports.ResealSecrets, ports.ResealSecretsInput{After: "k0"})
	require.NoError(t, err)
	require.Equal(t, ports.ResealSecretsOutput{Page: ports.PageState{After: "k5", Done: true}, Resealed: 4, Failed: 1},
		out)
}

func TestResealSecretsHandsOnWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	r, resealer := resealing(t)
	r.step = resealFor / 2
	resealer.Reseal(anything, "").Return(ports.ResealedPage{Page: ports.PageState{After: "k1"}, Resealed: 1}, nil)
	resealer.Finish(anything, 1, nil)
	out, err := call(r, ports.ResealSecrets, ports.ResealSecretsInput{})
	require.NoError(t, err)
	require.Equal(t, ports.ResealSecretsOutput{Page: ports.PageState{After: "k1"}, Resealed: 1}, out)
}

func TestResealSecretsFaults(t *testing.T) {
	t.Parallel()
	away := domain.NewFault(domain.FaultWait, "SealingUnavailable", errors.New("away"), "away")
	t.Run("an outage is tried again", func(t *testing.T) {
		r, resealer := resealing(t)
		resealer.Reseal(anything, "").Return(ports.ResealedPage{}, away)
		_, err := call(r, ports.ResealSecrets, ports.ResealSecretsInput{})
		activitytest.Wire(t, err, away, true)
	})
	t.Run("also where only the event is left to write", func(t *testing.T) {
		r, resealer := resealing(t)
		resealer.Reseal(anything, "").Return(ports.ResealedPage{Page: ports.PageState{Done: true}, Resealed: 1}, nil)
		resealer.Finish(anything, 1, nil).Return(waitFault)
		_, err := call(r, ports.ResealSecrets, ports.ResealSecretsInput{})
		activitytest.Wire(t, err, waitFault, true)
	})
}
