package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// duration is a time span above zero; kong's own would take a negative one.
type duration time.Duration

// Decode takes whatever comes next: kong would read -5s as a flag, and say so in riddles.
func (d *duration) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	if token.IsEOL() {
		return errors.New("a duration such as 30s, 5m, 1h30m or 7d is missing")
	}
	parsed, err := parseDuration(token.String())
	if err != nil || parsed <= 0 {
		return fmt.Errorf("%q is not a duration above 0 such as 30s, 5m, 1h30m or 7d (units: ms, s, m, h and d)",
			token.String())
	}
	*d = duration(parsed)
	return nil
}

// mostDays is far more than any setting has a use for.
const mostDays = 100 * 365

// parseDuration also knows whole days of 24 hours, before all else.
func parseDuration(text string) (time.Duration, error) {
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	count, err := strconv.ParseUint(days, 10, 16)
	if err != nil || count > mostDays {
		return 0, fmt.Errorf("%q are no days", days)
	}
	whole := time.Duration(count) * 24 * time.Hour
	if rest == "" {
		return whole, nil
	}
	part, err := time.ParseDuration(rest)
	if part < 0 {
		return 0, fmt.Errorf("%q is negative", rest)
	}
	return whole + part, err
}

// String is empty for a duration that was not given.
func (d duration) String() string {
	if d == 0 {
		return ""
	}
	return time.Duration(d).String()
}

// interval is a duration that may be zero, for never.
type interval time.Duration

// Decode reads it like a duration.
func (i *interval) Decode(ctx *kong.DecodeContext) error {
	if token := ctx.Scan.Peek(); !token.IsEOL() && token.String() == "0" {
		ctx.Scan.Pop()
		*i = 0
		return nil
	}
	return (*duration)(i).Decode(ctx)
}
