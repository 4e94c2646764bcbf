package answer

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	cases := []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"soon", "", 0},
		{"90", "", 90 * time.Second},
		{" 90 ", "", 90 * time.Second},
		{"0", "", time.Second},
		{"-5", "", time.Second},
		{"604801", "", 7 * 24 * time.Hour},
		{"9223372036854775807", "", 7 * 24 * time.Hour},
		{"Mon, 23 Nov 2026 12:01:30 GMT", "", 90 * time.Second},
		{"Mon, 23 Nov 2026 11:00:00 GMT", "", time.Second},
		{"Mon, 14 Dec 2026 12:00:00 GMT", "", 7 * 24 * time.Hour},
		// Our clock is an hour behind the CA's: the CA's counts.
		{"Mon, 23 Nov 2026 13:00:30 GMT", "Mon, 23 Nov 2026 13:00:00 GMT", 30 * time.Second},
	}
	for _, c := range cases {
		header := http.Header{}
		header.Set("Retry-After", c.value)
		header.Set("Date", c.date)
		require.Equal(t, c.want, RetryAfter(header, now, 7*24*time.Hour), "%q", c.value)
	}
}
