package ports

import "time"

//go:generate go tool mockgen -source=system.go -destination=../mocks/system.go -package=mocks

// Clock tells the time to activities. Workflows use workflow.Now.
type Clock interface {
	Now() time.Time
}

// Dice draws the fraction that places a renewal in its window.
type Dice interface {
	// Fraction is uniform in [0,1).
	Fraction() float64
}
