package app

import (
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestEachChallengeTypeHasOneSolver(t *testing.T) {
	t.Parallel()
	mock := gomock.NewController(t)
	var types []domain.ChallengeType
	fxtest.New(t, provideSolvers(), fx.NopLogger, fx.Supply(Config{},
		fx.Annotate(mocks.NewMockHTTPTokens(mock), fx.As(new(ports.HTTPTokens))),
		fx.Annotate(mocks.NewMockDNSRecords(mock), fx.As(new(ports.DNSRecords)))),
		fx.Invoke(func(all solvers) {
			for _, solver := range all.All {
				types = append(types, solver.Type())
			}
		}))
	require.ElementsMatch(t, domain.ChallengeTypes(), types)
}
