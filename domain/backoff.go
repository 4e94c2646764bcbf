package domain

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	minTold = time.Second
	maxTold = 24 * time.Hour
	// maxMessage bounds a failure's message in octets: it is in histories and in Status.
	maxMessage = 1000
)

// ladder is how long to wait after the first, second, third and every further failure of a certificate (Let's
// Encrypt's integration guide: 1, 10, 100 minutes, then daily).
var ladder = [...]time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, 24 * time.Hour}

// NextFailure is the state after an attempt failed in step: what went wrong and when to try again. previous is the
// failure since the last success, nil if there is none.
//
// A fault that carries RetryAfter is waited out as told, held between 1 second and 24 hours. It does not climb the
// ladder: Attempts stays as it was, and is 1 if this is the first failure. Every other fault adds one to Attempts and
// waits for the ladder's rung of that number; so a CA that limits without saying for how long gets a minute at
// least (RFC 8555 §6.6 only asks it to say).
//
// The kept fault's message holds its cause's text on one line, since the cause itself does not survive a history.
func NextFailure(now time.Time, previous *Failure, fault *Fault, step string) Failure {
	if fault == nil {
		fault = NewFault(FaultOperator, "Unexpected", nil, "the step failed and gave no reason")
	}
	attempts := 0
	if previous != nil {
		attempts = max(0, previous.Attempts)
	}
	var wait time.Duration
	if fault.RetryAfter > 0 {
		attempts = max(1, attempts)
		wait = min(max(fault.RetryAfter, minTold), maxTold)
	} else {
		attempts++
		wait = ladder[min(attempts, len(ladder))-1]
	}
	now = now.UTC()
	return Failure{
		Fault:    Fault{Kind: fault.Kind, Reason: fault.Reason, Message: oneLine(fault.Error()), RetryAfter: fault.RetryAfter, Final: fault.Final},
		Attempts: attempts,
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
