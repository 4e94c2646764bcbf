package domain

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Window is the CA's suggestion when to renew (RFC 9773 §4.2).
type Window struct {
	// Start is its beginning.
	Start time.Time `json:"start"`
	// End is its end.
	End time.Time `json:"end"`
	// ExplanationURL is shown to people when the CA gives one. A plan keeps it only if it may be shown.
	ExplanationURL string `json:"explanationURL,omitempty"`
}

// RenewalPlan is the instant chosen to replace a certificate, and why. Reason is stable, Message is for people.
type RenewalPlan struct {
	// At is the instant.
	At time.Time `json:"at"`
	// Reason is why it is this instant, in one stable word.
	Reason string `json:"reason"`
	// Message is the same for people.
	Message string `json:"message"`
	// Fraction is the random draw in [0,1), made once for a certificate and kept.
	Fraction float64 `json:"fraction"`
	// Window is the CA's suggestion, if it gave one.
	Window *Window `json:"window,omitempty"`
}

// Why a renewal is planned for its instant. They are stored.
const (
	// RenewalOverdue: so little is left of the certificate's life that it is renewed at once.
	RenewalOverdue = "Overdue"
	// RenewalARIWindow: drawn from the window that the CA suggests.
	RenewalARIWindow = "ARIWindow"
	// RenewalARIWindowClipped: drawn from that part of the window that the certificate's life allows.
	RenewalARIWindowClipped = "ARIWindowClipped"
	// RenewalARIWindowPassed: the window has passed, so at once.
	RenewalARIWindowPassed = "ARIWindowPassed"
	// RenewalOneThirdLeft: when a third of its life is left, since there is no window.
	RenewalOneThirdLeft = "OneThirdLeft"
	// RenewalHalfLeft: when half of its life is left, since there is no window and it lives for less than 10 days.
	RenewalHalfLeft = "HalfLeft"
)

// Parts of a certificate's life.
const (
	// retryPart is what is kept for retries: a renewal begins when a sixth of life is left, at the latest.
	retryPart = 6
	// leftPart is what is left when a renewal is planned by age, shortLeftPart the same of a short life.
	leftPart      = 3
	shortLeftPart = 2
	// youngPart is how long a certificate is kept at least if its CA's window opened before it began.
	youngPart = 3
	// cooldownPart is the pause after an issuance, of the whole life, and cooldownRestPart of what is left at most.
	cooldownPart     = 6
	cooldownRestPart = 2
)

const (
	// maxCooldown bounds the pause after an issuance.
	maxCooldown = time.Hour
	// maxExplanation bounds the URL of a CA's explanation, in octets.
	maxExplanation = 500
	// shortLived is the validity under which a certificate is renewed at half of its life, not with a third left
	// (Let's Encrypt's integration guide, 2025-06-23).
	shortLived = 10 * 24 * time.Hour
	// spread is the share of a life over which certificates that were issued together are spread, where the CA
	// gives no window to draw from.
	spread = 0.02
)

// PlanRenewal decides when to replace issued. window is the CA's suggestion, nil without one; fraction in [0,1) is
// the certificate's own random draw. The same arguments give the same plan, so it may be made again at any time.
//
// The instant is never before now, and never after NotAfter - 1/6 of life unless now is: that sixth is what remains
// for retries. It is a whole second, rounded so that it stays inside the window (X.509 counts seconds, and Postgres
// microseconds: a plan means the same after both); only "now" is handed on as it came, so that now is never before
// it and the renewal is due at once.
func PlanRenewal(now time.Time, issued Issued, window *Window, fraction float64) RenewalPlan {
	l := lifeOf(issued)
	plan := RenewalPlan{Fraction: unit(fraction), Window: shown(window)}
	var note string
	switch {
	case !now.Before(l.latest):
		plan.At, plan.Reason = now, RenewalOverdue
		note = fmt.Sprintf("less than a sixth of its life is left until %s", stamp(l.notAfter))
	case window == nil:
		plan.At, plan.Reason, note = l.byAge(plan.Fraction)
	// "If the window's end is equal to or before its start, the client MUST act as if no answer came" (RFC 9773
	// §4.2, in our words).
	case !window.End.After(window.Start):
		plan.At, plan.Reason, note = l.byAge(plan.Fraction)
		note += fmt.Sprintf("; the CA's window from %s to %s is not valid and is ignored",
			stamp(window.Start), stamp(window.End))
	case !window.End.After(l.notBefore):
		plan.At, plan.Reason, note = l.byAge(plan.Fraction)
		note += fmt.Sprintf("; the CA's window from %s to %s was over before the certificate began and is ignored",
			stamp(window.Start), stamp(window.End))
	case !window.End.After(now):
		// RFC 9773 §4.2: an instant in the past means to renew at once. CAs use it in an incident.
		plan.At, plan.Reason = now, RenewalARIWindowPassed
		note = fmt.Sprintf("the window that the CA suggests, from %s to %s, has passed",
			stamp(window.Start), stamp(window.End))
	default:
		plan.At, plan.Reason, note = l.inWindow(*window, plan.Fraction)
	}
	if !plan.At.After(now) {
		if plan.At.Before(now) {
			note += ", which is past"
		}
		plan.At = now
		plan.Message = "Renew now: " + note + "."
	} else {
		plan.Message = "Renew at " + stamp(plan.At) + ": " + note + "."
	}
	plan.At = plan.At.UTC()
	if why := explanation(window); why != "" {
		plan.Message += explains + why
	}
	return plan
}

// life is a certificate's validity and what the rules derive from it.
type life struct {
	notBefore, notAfter time.Time
	length              time.Duration
	// latest is the last instant to renew at, a whole second.
	latest time.Time
}

func lifeOf(issued Issued) life {
	length := max(0, issued.NotAfter.Sub(issued.NotBefore))
	return life{issued.NotBefore, issued.NotAfter, length,
		issued.NotAfter.Add(-length / retryPart).Truncate(time.Second)}
}

// byAge is the rule without ARI. The fraction moves the instant earlier, by at most 2 % of life.
func (l life) byAge(fraction float64) (at time.Time, reason, note string) {
	left, reason, words := l.length/leftPart, RenewalOneThirdLeft, "a third of its life is left"
	if l.length < shortLived {
		left, reason, words = l.length/shortLeftPart, RenewalHalfLeft, "half of its short life is left"
	}
	early := time.Duration(fraction * spread * float64(l.length))
	at = l.notAfter.Add(-left - early).Truncate(time.Second)
	return at, reason, fmt.Sprintf("%s until %s", words, stamp(l.notAfter))
}

// inWindow draws the instant from the CA's window, cut to the certificate's own life. A window that opened before or
// with the certificate itself cannot be taken at its word, or each new certificate would be replaced at once, for ever;
// one that ends too late would let it run out. Pebble's window is 24 h either way, so on short lives it does both.
func (l life) inWindow(window Window, fraction float64) (at time.Time, reason, note string) {
	reason = RenewalARIWindow
	note = fmt.Sprintf("drawn from the window that the CA suggests, from %s to %s", stamp(window.Start),
		stamp(window.End))
	start, end := window.Start, window.End
	if !start.After(l.notBefore) {
		start, reason = l.notBefore.Add(l.length/youngPart), RenewalARIWindowClipped
	}
	if end.After(l.latest) {
		end, reason = l.latest, RenewalARIWindowClipped
	}
	start, end = ceil(start), end.Truncate(time.Second)
	if reason == RenewalARIWindowClipped {
		note += fmt.Sprintf(", cut to what the certificate's life allows, %s to %s", stamp(start), stamp(end))
	}
	if !start.Before(end) { // nothing is left: the last instant that both the CA and the life allow
		return end, reason, note
	}
	return start.Add(time.Duration(fraction * float64(end.Sub(start)))).Truncate(time.Second), reason, note
}

// WithCooldown returns the plan of a certificate that was issued just now, with a pause before a renewal that would be
// due at once or nearly so: a CA whose windows have always passed, or whose certificates are overdue when they come,
// must not cause one issuance after another. The pause is a sixth of life, an hour at most, and half of what is left at
// most.
func (p RenewalPlan) WithCooldown(now time.Time, issued Issued) RenewalPlan {
	l := lifeOf(issued)
	pause := min(l.length/cooldownPart, maxCooldown, issued.NotAfter.Sub(now)/cooldownRestPart)
	earliest := now.Add(max(pause, time.Second))
	if !p.At.Before(earliest) {
		return p
	}
	p.At = ceil(earliest)
	p.Message += " It was issued just now, so not before " + stamp(p.At) + "."
	return p
}

func ceil(t time.Time) time.Time {
	if floor := t.Truncate(time.Second); floor.Before(t) {
		return floor.Add(time.Second)
	}
	return t
}

// unit holds a draw in [0,1]; what is not a number becomes 0 and so the earliest instant.
func unit(fraction float64) float64 {
	if fraction > 0 {
		return min(fraction, 1)
	}
	return 0
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// explanation is the window's URL, which RFC 9773 §4.2 wants shown to people, if it is one that may be shown.
func explanation(window *Window) string {
	if window == nil || len(window.ExplanationURL) > maxExplanation ||
		!strings.HasPrefix(window.ExplanationURL, "http") {
		return ""
	}
	u, err := url.Parse(window.ExplanationURL)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.String()
}

// shown is a copy of the window, with an explanation only if it may be shown.
func shown(window *Window) *Window {
	if window == nil {
		return nil
	}
	kept := *window
	kept.ExplanationURL = explanation(window)
	return &kept
}
