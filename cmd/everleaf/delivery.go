package main

import (
	"fmt"

	"everleaf/app"
)

// delivery says how a target stands, and what comes next there.
func delivery(d app.Delivery, s app.Status, k kit) string {
	current := s.Issued != nil && d.Version == s.Issued.Version
	switch {
	case s.Phase == app.PhaseReleased: // whatever failed, nobody tries it again
		return left(d, current, k) + ", and nobody clears it"
	case d.Failure.OfRemoval():
		return fmt.Sprintf("cannot be cleared: %s; failed %s, attempt %d; next try %s", problem(d.Failure),
			k.moment(d.Failure.At), d.Failure.Attempts, k.moment(d.Failure.RetryAt))
	case d.Failure != nil:
		return problem(d.Failure) + "; next try " + k.moment(d.Failure.RetryAt)
	case d.Removing:
		return "is being cleared"
	case s.Phase == app.PhaseRetiring:
		return left(d, current, k) + ", and keeps it"
	case current:
		return "has it since " + k.moment(d.At)
	default:
		return "is to get it"
	}
}

// left is what a target has of a certificate that somebody has retired.
func left(d app.Delivery, current bool, k kit) string {
	switch {
	case current:
		return "has it since " + k.moment(d.At)
	case d.Version != "":
		return "has an earlier certificate since " + k.moment(d.At)
	default: // a delivery or a removal did not come to its end
		return "may have it"
	}
}
