package dns01

import "time"

// BoundLocating gives the look-ups of an order so long.
func (s *Solver) BoundLocating(d time.Duration) { s.locating = d }
