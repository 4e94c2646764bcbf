package answer

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads the header (RFC 9110 §10.2.3: seconds or a date, taken relative to the server's own clock where it
// shows it): a second to most, or zero if it is absent or unreadable.
func RetryAfter(header http.Header, now time.Time, most time.Duration) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return min(max(time.Duration(min(seconds, 1e6))*time.Second, time.Second), most)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), time.Second), most)
}
