package dns01

import "time"

// Bound gives the look-ups of an order, and one Check, so long.
func (s *Solver) Bound(d time.Duration) { s.locating, s.checking = d, d }
