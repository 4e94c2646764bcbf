package app

import (
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestResealTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	away := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "away")
	damaged := []Unopened{{Kind: ports.SecretKey, ID: "k", Certificate: "web", Reason: "SecretDamaged"}}
	for _, c := range []struct {
		title    string
		second   error
		want     Resealed
		reported []int
	}{
		{"to the end", nil, Resealed{Resealed: 5, Failed: damaged, Left: 1}, []int{3, 5}},
		{"cut short", away, Resealed{Resealed: 3}, []int{3}},
	} {
		t.Run(c.title, func(t *testing.T) {
			resealer := mocks.NewMockResealer(gomock.NewController(t))
			resealer.EXPECT().Stale(gomock.Any()).Return(6, nil)
			resealer.EXPECT().Reseal(gomock.Any(),
				"").Return(ports.ResealedPage{Page: ports.PageState{After: "j"}, Resealed: 3}, nil)
			resealer.EXPECT().Reseal(gomock.Any(), "j").Return(
				ports.ResealedPage{Page: ports.PageState{After: "k", Done: true}, Resealed: 2, Failed: damaged},
				c.second)
			resealer.EXPECT().Finish(gomock.Any(), c.want.Resealed, c.want.Failed)
			if c.second == nil {
				resealer.EXPECT().Stale(gomock.Any()).Return(1, nil)
			}
			var reported []int
			got, err := reseal(t.Context(), resealer, func(done, of int) {
				require.Equal(t, 6, of)
				reported = append(reported, done)
			})
			require.Equal(t, c.second == nil, err == nil, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.reported, reported)
		})
	}
}
