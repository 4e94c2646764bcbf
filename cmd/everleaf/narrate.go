package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"everleaf/app"
)

// eventDetail is what may be shown of an event, of any type; what a type does not have stays empty.
type eventDetail struct {
	app.Failure             // failed, fell_back, undelivered
	Reason       string     `json:"reason"`
	URL          string     `json:"url"`
	IssuerCN     string     `json:"issuerCN"`
	Serial       string     `json:"serial"`
	NotAfter     *time.Time `json:"notAfter"`
	Expires      *time.Time `json:"expires"`
	Next         string     `json:"next"`
	Changes      []string   `json:"changes"`
	Target       string     `json:"target"`
	Confirmation string     `json:"confirmation"`
	By           string     `json:"by"`
	Note         string     `json:"note"`
	Caller       string     `json:"caller"`
	Cancelled    bool       `json:"cancelled"`
	Drift        string     `json:"drift"`
	Through      string     `json:"through"`
	Account      string     `json:"account"`
	Contact      string     `json:"contact"`
	Before       string     `json:"before"`
	Found        bool       `json:"found"`
	// WithoutReplacement is a pending revocation's, RemoveDeliveries a retirement's, Force a renewal's.
	WithoutReplacement bool       `json:"withoutReplacement"`
	RemoveDeliveries   bool       `json:"removeDeliveries"`
	Force              bool       `json:"force"`
	From               *time.Time `json:"from"`
	Plan               *struct {
		At      time.Time `json:"at"`
		Message string    `json:"message"`
	} `json:"plan"`
}

// narrate writes the events in sentences, a line each. Of a failure that is in shown, the message is left out: the
// reader has it above.
func (k kit) narrate(events []app.Event, earlier bool, shown ...app.Failure) (lines []string) {
	for _, t := range fold(events) {
		for _, f := range shown {
			if f.Fault.Message == t.detail.Fault.Message && f.Fault.Reason == t.detail.Fault.Reason {
				t.detail.Fault.Message = "see above"
			}
		}
		when, sentence := k.moment(t.At)+": ", k.sentence(t)
		if t.times > 1 {
			when = fmt.Sprintf("%s to %s: %d times the same, the last time: ", k.moment(t.first), k.moment(t.At),
				t.times)
		}
		lines = append(lines, when+sentence)
	}
	if earlier {
		lines = append(lines, "(there is more: give --events a higher number)")
	}
	return lines
}

// sentence describes one event. What this release does not know is shown as it is stored.
func (k kit) sentence(t entry) string {
	d := t.detail
	switch {
	case t.raw:
	case t.Type == "placed":
		return "An order was placed at " + d.Issuer + "."
	case t.Type == "issued":
		return "Issued by " + issuer(&app.Issued{Issuer: d.Issuer, IssuerCN: d.IssuerCN}) + ", serial " + d.Serial +
			until(d.NotAfter) + "."
	case t.Type == "renewal_planned" && d.Plan != nil:
		return "The renewal was planned for " + k.moment(d.Plan.At) + ". " + d.Plan.Message
	case t.Type == "renewal_moved" && d.Plan != nil:
		return "The renewal was moved" + from(d.From) + " to " + k.moment(d.Plan.At) + ". " + d.Plan.Message
	case t.Type == "failed":
		return "An attempt failed" + step(d.Step) + at(d.Issuer) + ": " + said(d.Fault) + "."
	case t.Type == "fell_back":
		return "An attempt failed" + step(d.Step) + at(d.Issuer) + ": " + said(d.Fault) +
			". Another issuer was asked at once: " + d.Next + "."
	case t.Type == "abandoned":
		return "An order was abandoned: " + strings.TrimRight(d.Reason, ". ") + "."
	case t.Type == "key_lost":
		return "The key could not be used again, so there is a new one: " + strings.TrimRight(d.Reason, ". ") + "."
	case t.Type == "delivered":
		return "Delivered to " + d.Target + ": serial " + d.Serial + parenthesis(d.Confirmation) + "."
	case t.Type == "delivery_failed" && d.OfRemoval():
		return "The target " + d.Target + " could not be cleared: " + said(d.Fault) + "."
	case t.Type == "delivery_failed":
		return "The delivery to " + d.Target + " failed: " + said(d.Fault) + "."
	case t.Type == "removed":
		return "Cleared from " + d.Target + "."
	case t.Type == "revoked":
		return "The certificate with serial " + d.Serial + " was revoked" + parenthesis(d.Reason) + "."
	case t.Type == "drifted":
		return "The target " + d.Target + " had lost what was delivered" + parenthesis(d.Drift) + "."
	case t.Type == "released":
		if d.Cancelled {
			return "The workflow was cancelled, and the certificate released: from here on nobody kept it. Temporal's history " +
				"of the workflow says who did that."
		}
		return "The certificate was released: from here on nobody kept it."
	case t.Type == "exported":
		return "The private key was taken out by " + d.By + through(d.Through) + parenthesis(d.Reason) + "."
	case t.Type == "export_failed":
		return "The private key was not taken out by " + d.By + through(d.Through) + " after all: " + said(d.Fault) + "."
	default:
		if sentence := cmp.Or(ofRequest(t.Type, d), ofAccount(t.Type, d)); sentence != "" {
			return sentence
		}
	}
	return t.Type + " " + string(t.Detail)
}

// ofRequest describes what a caller asked for; empty if it is none of that.
func ofRequest(kind string, d eventDetail) string {
	sentence, who := "", cmp.Or(d.Caller, "Somebody")
	switch {
	case kind == "created":
		sentence = who + " asked for the certificate"
	case kind == "changed":
		sentence = who + " changed what is wanted: " + strings.Join(d.Changes, "; ")
	case kind == "ensured":
		sentence = who + " asked for what there was already, the last time"
	case kind == "resumed" && len(d.Changes) > 0:
		sentence = who + " asked for the certificate again, with changes: " + strings.Join(d.Changes, "; ")
	case kind == "resumed":
		sentence = who + " asked for the certificate again"
	case kind == "renewal_requested" && d.Force:
		sentence = who + " asked for a renewal that waits for no limit"
	case kind == "renewal_requested":
		sentence = who + " asked for a renewal"
	case kind == "revocation_requested" && d.WithoutReplacement:
		sentence = who + " asked to have the certificate with serial " + d.Serial + " revoked" + parenthesis(d.Reason) +
			", at once"
	case kind == "revocation_requested":
		sentence = who + " asked to have the certificate with serial " + d.Serial + " replaced and then revoked" +
			parenthesis(d.Reason)
	case kind == "retirement_requested" && d.RemoveDeliveries:
		sentence = who + " retired the certificate, and asked to have its targets cleared"
	case kind == "retirement_requested":
		sentence = who + " retired the certificate"
	default:
		return ""
	}
	if d.Note != "" {
		sentence += ", with the note: " + strings.TrimRight(d.Note, ". ")
	}
	return sentence + "."
}

// ofAccount describes what happened to an ACME account; empty if it is none of that.
func ofAccount(kind string, d eventDetail) string {
	switch {
	case kind == "account_registered" && d.Found:
		return "The CA knew the account by its key: " + d.Account + "."
	case kind == "account_registered":
		return "The account was registered: " + d.Account + ", with " + contact(d.Contact) + "."
	case kind == "account_updated":
		return "The CA was sent " + contact(d.Contact) + "; before, it had " + contact(d.Before) + "."
	case kind == "account_rolled_over":
		return "The account got a new key: " + d.Account + "."
	}
	return ""
}

func contact(address string) string {
	if address == "" {
		return "no contact"
	}
	return "the contact " + address
}

func until(end *time.Time) string {
	if end == nil {
		return ""
	}
	return ", valid until " + end.UTC().Format(instant)
}

func from(before *time.Time) string {
	if before == nil {
		return ""
	}
	return " from " + before.UTC().Format(instant)
}

func at(issuer string) string {
	if issuer == "" {
		return ""
	}
	return ", with the issuer " + issuer
}

func through(way string) string {
	if way == "" {
		return ""
	}
	return " through " + way
}

func parenthesis(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
