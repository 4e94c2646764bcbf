package delivery

import (
	"fmt"
	"time"
)

const (
	// namePlace stands in settings for the certificate's name.
	namePlace = "{name}"
	// maxTimeout is well under the time that a delivery's step has.
	maxTimeout = 5 * time.Minute
)

func checkTimeout(name, value string) error {
	if d, err := time.ParseDuration(value); value != "" && (err != nil || d <= 0 || d > maxTimeout) {
		return field(name, value, fmt.Sprintf("use a time such as 30s, at most %s, or leave it out", maxTimeout))
	}
	return nil
}

// timeoutOr is a timeout that a check has passed.
func timeoutOr(value string, fallback time.Duration) time.Duration {
	if d, err := time.ParseDuration(value); err == nil && d > 0 {
		return d
	}
	return fallback
}

// field is a complaint; whoever knows which target it is puts that in front.
func field(name, value, fix string) error { return fmt.Errorf(".%s %q: %s", name, value, fix) }
