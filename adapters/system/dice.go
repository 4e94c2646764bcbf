package system

import (
	"math/rand/v2"

	"everleaf/ports"
)

var _ ports.Dice = (*Dice)(nil)

// Dice draws from the runtime's generator, which needs no seed: what it places in time is no secret. The zero value
// is ready and safe for concurrent use.
type Dice struct{}

// Fraction is uniform in [0,1).
func (Dice) Fraction() float64 { return rand.Float64() }
