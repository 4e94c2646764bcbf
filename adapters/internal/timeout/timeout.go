package timeout

import (
	"fmt"
	"time"
)

// Fix is what to do about a time-out that cannot work, with an example; empty if it can, or if it was left out.
func Fix(value, example string, most time.Duration) string {
	if d, err := time.ParseDuration(value); value == "" || err == nil && d > 0 && d <= most {
		return ""
	}
	return fmt.Sprintf("use a time such as %s, at most %s, or leave it out", example, most)
}

// Or is a time-out for which there is nothing to fix, or the fallback where it was left out.
func Or(value string, fallback time.Duration) time.Duration {
	if d, err := time.ParseDuration(value); err == nil && d > 0 {
		return d
	}
	return fallback
}
