package domain

import (
	"strings"
	"time"
)

// Replan is the plan of a certificate in service after its CA was asked again, and whether its instant moved: then the
// workflow that sleeps until the old one has to be woken. window is the CA's answer, nil if that held none (RFC 9773
// §4.2: then nothing changes). The certificate's own fraction stays, so that a window which moved twice leads back to
// the first instant.
//
// An instant that has come does not move by coming closer: a renewal that is due has not moved, however often the CA
// gives a window that has passed; and the pause that WithCooldown gave stands.
func (p RenewalPlan) Replan(now time.Time, issued Issued, window *Window) (plan RenewalPlan, moved bool) {
	if window == nil {
		return p, false
	}
	next := PlanRenewal(now, issued, window, p.Fraction)
	due := !p.At.After(now) && !next.At.After(now)
	known := p.Reason == next.Reason && (next.Reason == RenewalARIWindowPassed || next.Reason == RenewalOverdue)
	if due || known || p.Window.spans(window) || next.At.Sub(p.At).Abs() < time.Second {
		return p.explained(next.Window), false
	}
	return next, true
}

// spans reports whether both begin and end at the same instants.
func (w *Window) spans(other *Window) bool {
	return w != nil && w.Start.Equal(other.Start) && w.End.Equal(other.End)
}

// explained is the same plan with the CA's window of now, and its explanation in the message.
func (p RenewalPlan) explained(window *Window) RenewalPlan {
	if before, why := explanation(p.Window), explanation(window); before != why {
		p.Message = strings.Replace(p.Message, explains+before, "", 1)
		if why != "" {
			p.Message += explains + why
		}
	}
	p.Window = shown(window)
	return p
}

// explains comes before an explanation in a plan's message.
const explains = " The CA explains: "
