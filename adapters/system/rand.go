package system

import (
	"math/rand/v2"

	"everleaf/ports"
)

var _ ports.Rand = (*Rand)(nil)

// Rand draws from the runtime's generator, which needs no seed: what it places in time is no secret. The zero value
// is ready and safe for concurrent use.
type Rand struct{}

// Float64 is uniform in [0,1).
func (Rand) Float64() float64 { return rand.Float64() }
