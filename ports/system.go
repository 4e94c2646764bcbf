package ports

import "time"

//go:generate go tool mockgen -source=system.go -destination=../mocks/system.go -package=mocks

// Clock gives activities the time. Workflows use workflow.Now.
type Clock interface {
	Now() time.Time
}

// Rand is a source of randomness, such as *rand.Rand of math/rand/v2.
type Rand interface {
	// Float64 is uniform in [0,1).
	Float64() float64
}
