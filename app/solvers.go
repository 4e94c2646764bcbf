package app

import (
	"go.uber.org/fx"

	"everleaf/adapters/dns01"
	"everleaf/adapters/http01"
	"everleaf/ports"
)

// provideSolvers makes one solver for each of domain.ChallengeTypes.
func provideSolvers() fx.Option {
	return fx.Provide(
		asSolver(http01.NewSolver), func(c Config) http01.Config { return c.HTTP01 },
		dns01.NewSolver, func(c Config) dns01.Config { return c.DNS01 },
		asSolver(func(s *dns01.Solver) *dns01.Solver { return s }),
	)
}

func asSolver(constructor any) any {
	return fx.Annotate(constructor, fx.As(new(ports.Solver)), fx.ResultTags(`group:"solvers"`))
}
