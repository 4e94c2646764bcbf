package domain

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Workflows compute with what is in this file, and in wake.go, caller.go, change.go, delivery.go and revocation.go, and replay it: a change of a value or a rule
// here must pass the replay corpus, or be gated by a version in app/lifecycle.
const (
	// minTold is the least wait that is taken as told, patience how often: a CA that says 1 s for a day is asked once a
	// minute.
	minTold     = time.Second
	minToldLong = time.Minute
	patience    = 5
	// maxTold is longer than any published limit takes to refill (Let's Encrypt's longest is 34 h); any other wait
	// that is asked for is taken for a day at the most.
	maxTold     = 7 * 24 * time.Hour
	maxToldElse = 24 * time.Hour
	// maxExpired is the longest wait once the certificate in service has run out.
	maxExpired = time.Hour
	// maxMessage bounds a failure's message in octets: it is in histories and in Status.
	maxMessage = 1000
)

// ladder is how long to wait after the first, second, third and every further failure of a certificate (Let's
// Encrypt's integration guide: 1, 10, 100 minutes, then daily).
var ladder = [...]time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, 24 * time.Hour}

// NextFailure is the state after an attempt failed in step: what went wrong and when to try again. previous is the
// failure since the last success, nil if there is none.
//
// A fault that carries RetryAfter is waited out as told, held between 1 second and 7 days (a day if it is no rate
// limit). It does not climb the ladder: Attempts stays as it was, and is 1 if this is the first failure. Told more than 5 times in a row, it is a
// minute at least. Every other fault adds one to Attempts and waits for the ladder's rung of that number; so a CA that
// limits without saying for how long gets a minute at least (RFC 8555 §6.6 only asks it to say).
//
// issued is the certificate in service, nil if there is none. While it lives, no wait but a rate limit's is longer than
// a quarter of what is left of it (a minute at the least), so that a short life sees many tries before it ends; and
// none is longer than an hour once it has run out.
//
// A fault that names its step knows better than the caller which one failed.
//
// The kept fault's message holds its cause's text on one line, since the cause itself does not survive a history.
func NextFailure(now time.Time, previous *Failure, fault *Fault, step string, issued *Issued) Failure {
	if fault == nil {
		fault = NewFault(FaultOperator, "Unexpected", nil, "the step failed and gave no reason")
	}
	attempts, told := 0, 0
	if previous != nil {
		attempts, told = max(0, previous.Attempts), previous.Told
	}
	var wait time.Duration
	if fault.RetryAfter > 0 {
		attempts, told = max(1, attempts), told+1
		floor := minTold
		if told > patience {
			floor = minToldLong
		}
		wait = min(max(fault.RetryAfter, floor), maxTold)
		if fault.Kind != FaultRateLimited {
			wait = min(wait, maxToldElse)
		}
	} else {
		attempts, told = attempts+1, 0
		wait = ladder[min(attempts, len(ladder))-1]
	}
	if fault.Step != "" {
		step = fault.Step
	}
	limited := fault.Kind == FaultRateLimited && fault.RetryAfter > 0
	if issued != nil && !limited {
		limit := max(issued.NotAfter.Sub(now)/4, ladder[0])
		if !issued.NotAfter.After(now) {
			limit = maxExpired
		}
		wait = min(wait, limit)
	}
	now = now.UTC()
	return Failure{
		Fault:    Fault{Kind: fault.Kind, Reason: fault.Reason, Message: oneLine(fault.Error()), RetryAfter: fault.RetryAfter, Final: fault.Final},
		Attempts: attempts,
		Told:     told,
		At:       now,
		RetryAt:  now.Add(wait),
		Step:     step,
	}
}

// oneLine makes text from outside fit for a log line, a table cell and JSON.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxMessage {
		return text
	}
	cut := maxMessage - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
