package system

import (
	"time"

	"everleaf/ports"
)

var _ ports.Clock = (*Clock)(nil)

// Clock is the machine's clock. The zero value is ready and safe for concurrent use.
type Clock struct{}

// Now is the time of day in UTC.
func (Clock) Now() time.Time { return time.Now().UTC() }
