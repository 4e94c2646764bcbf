package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"everleaf/adapters/postgres"
	"everleaf/app/explain"
	"everleaf/domain"
	"everleaf/ports"
)

// Timelines reads what Postgres knows of a certificate.
type Timelines = ports.Timelines

// Event is one line of a certificate's audit.
type Event = ports.Event

// OpenTimelines connects to Postgres, waiting up to the start timeout, and refuses a schema that does not fit; call
// closer when done. Neither Temporal nor a sealing key is needed. It reads config.Postgres and config.StartTimeout.
func OpenTimelines(ctx context.Context, config Config) (timelines Timelines, closer func(), err error) {
	pool, err := openChecked(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return postgres.NewTimelines(pool), pool.Close, nil
}

// Explanation is a certificate's timeline with what follows from it.
type Explanation struct {
	ports.Timeline
	// Severity says how much it wants a person's attention: none, info, warning or critical.
	Severity domain.Severity `json:"severity"`
	// Changes says what was asked for and is not in service yet.
	Changes []string `json:"changes,omitempty"`
	// Next is what will happen, the earliest first where instants are known.
	Next []Next `json:"next"`
	// Remedy says who must do what about the failure.
	Remedy string `json:"remedy,omitempty"`
}

// Next is one thing that will happen.
type Next struct {
	// At is zero if it happens at once, or if nobody can say when.
	At   time.Time `json:"at,omitzero"`
	What string    `json:"what"`
}

// Explain draws the conclusions from a timeline, as they are at now. Deliveries that nobody asks for are marked as
// Removing.
func Explain(now time.Time, timeline ports.Timeline) Explanation {
	e := Explanation{Timeline: timeline, Next: []Next{}}
	if timeline.Wanted != nil {
		e.Changes = timeline.Spec.Changes(*timeline.Wanted)
	}
	if timeline.Issued != nil && timeline.RevokedAt != nil {
		issued := *timeline.Issued
		issued.Revoked = true
		e.Issued = &issued
	}
	e.Deliveries = removals(timeline)
	switch timeline.Retirement {
	case domain.Retiring, domain.Clearing:
		return retiring(e)
	case domain.Released:
		e.Severity = domain.SeverityNone
		e.Next = append(e.Next, Next{What: "Nothing: nobody keeps this certificate any more, and nobody renews it. To " +
			"keep it again, run " +
			"everleaf cert ensure " + timeline.Name + "."})
		for _, r := range timeline.Revoking {
			e.Next = append(e.Next, Next{What: said(r) +
				" was to be revoked, and is not: who keeps it again goes on with that."})
		}
		for _, d := range e.Deliveries {
			if keeps := keepsIt(d); keeps != "" {
				e.Next = append(e.Next, Next{What: d.Target +
					" " + keeps + " the certificate, and nobody clears it there. To have it cleared, run everleaf cert ensure " +
					timeline.Name + " and then everleaf cert retire " + timeline.Name + " --remove-deliveries."})
			}
		}
		return e
	}
	e.Severity = domain.SeverityOf(now, e.Issued, timeline.Failure)
	if timeline.Failure != nil {
		e.Remedy = Remedy(*timeline.Failure, asked(timeline).WithDefaults().Challenge)
	}
	e.Next = append(e.Next, nextIssuance(timeline)...)
	for _, r := range timeline.Revoking {
		e.Next = append(e.Next, nextRevocation(timeline, r))
	}
	for _, d := range e.Deliveries {
		var at time.Time
		if d.Failure != nil {
			at = d.Failure.RetryAt
		}
		due := timeline.Issued != nil && d.Version != timeline.Issued.Version
		switch {
		case d.Removing:
			e.Next = append(e.Next, nextRemoval(timeline, d))
		case due:
			e.Next = append(e.Next, Next{At: at, What: "The certificate in service is delivered to " + d.Target + "."})
		}
	}
	return e
}

// keepsIt says whether a target keeps a certificate that is not cleared there; empty if it does not.
func keepsIt(d domain.Delivery) string {
	switch {
	case d.Version != "":
		return "keeps"
	case d.Contacted: // a delivery or a removal did not come to its end
		return "may keep"
	default:
		return ""
	}
}

// asked is the spec that was asked for last.
func asked(timeline ports.Timeline) domain.Spec {
	if timeline.Asked != nil {
		return *timeline.Asked
	}
	return timeline.Spec
}

// removals marks the deliveries that are to be cleared. A failure of what is not tried again is left out.
func removals(timeline ports.Timeline) []domain.Delivery {
	spec := asked(timeline)
	deliveries := slices.Clone(timeline.Deliveries)
	for i := range deliveries {
		d := &deliveries[i]
		d.Removing = domain.Removes(timeline.Retirement, spec, d.Target)
		if d.Failure != nil && d.Failure.OfRemoval() != d.Removing {
			d.Failure = nil
		}
	}
	return deliveries
}

// nextIssuance is what becomes of the certificate itself.
func nextIssuance(timeline ports.Timeline) []Next {
	switch {
	case timeline.Failure != nil && timeline.Phase == domain.PhaseFailing:
		what := "Everleaf tries again."
		if timeline.Failure.Fault.Kind == domain.FaultRateLimited {
			what = "Everleaf tries again: the CA asked to wait until then."
		}
		return []Next{{At: timeline.Failure.RetryAt, What: what}}
	case timeline.Order != nil:
		o := timeline.Order
		what := "A certificate is being obtained, and the issuer " + o.Issuer + " is waited for, since " +
			o.Since.Format(time.RFC3339) + "."
		if o.URL == "" {
			what += " It has not taken the order yet."
		}
		return []Next{{What: what}}
	case timeline.Phase == domain.PhaseIssuing:
		return []Next{{What: "A certificate is being obtained right now."}}
	case timeline.Renewal == nil:
		return []Next{{What: "The renewal is planned as soon as a worker goes on with the workflow."}}
	}
	next := []Next{{At: timeline.Renewal.At, What: "The certificate is replaced. " + timeline.Renewal.Message}}
	if timeline.NextCheck != nil && timeline.NextCheck.Before(timeline.Renewal.At) {
		what := "The CA is asked whether it wants the certificate replaced at another time."
		if timeline.CheckFailure != "" {
			what += fmt.Sprintf(" The last question had no answer: %s", timeline.CheckFailure)
		}
		next = append([]Next{{At: *timeline.NextCheck, What: what}}, next...)
	}
	return next
}

// nextRevocation is what becomes of a revocation that was asked for.
func nextRevocation(timeline ports.Timeline, r domain.Revocation) Next {
	replaced := timeline.Issued == nil || timeline.Issued.Version != r.Issued.Version
	switch {
	case r.Failure != nil:
		return Next{At: r.Failure.RetryAt, What: fmt.Sprintf(
			"%s is revoked: Everleaf tries again. The last try failed: %s (%s/%s). What to do: %s",
			said(r), r.Failure.Fault.Message, r.Failure.Fault.Kind, r.Failure.Fault.Reason, Remedy(*r.Failure, ""))}
	case !replaced && !r.WithoutReplacement:
		return Next{What: said(r) + " is revoked once it is replaced, and its targets have its replacement."}
	case replaced && !r.After.IsZero():
		return Next{At: r.After, What: said(r) +
			" is revoked: then at the latest, and as soon as all targets have its replacement."}
	default:
		return Next{What: said(r) + " is revoked right now."}
	}
}

// said names a certificate that is to be revoked, and why.
func said(r domain.Revocation) string {
	text := "The certificate with serial " + r.Issued.Serial
	if r.Reason != "" {
		text += " (" + string(r.Reason) + ")"
	}
	return text
}

// Status is the explanation as a workflow would say it.
func (e Explanation) Status() Status {
	s := Status{Name: e.Name, Phase: e.Phase, Spec: e.Spec, Generation: e.Generation, Issued: e.Issued,
		Renewal: e.Renewal,
		Failure: e.Failure, Revoking: e.Revoking, Deliveries: e.Deliveries}
	if e.Asked != nil {
		s.Spec = *e.Asked
	}
	switch e.Retirement {
	case domain.Released:
		s.Phase, s.Renewal, s.Failure = domain.PhaseReleased, nil, nil
	case domain.Retiring, domain.Clearing:
		s.Phase, s.Renewal, s.Failure = domain.PhaseRetiring, nil, nil
	}
	return s
}

// TriedSooner reports whether somebody who has corrected what failed has to ask for the next try, or wait for it: CAs
// and networks come back by themselves, and what was asked for is asked for again.
func TriedSooner(f Failure) bool {
	return f.Fault.Kind == domain.FaultName || f.Fault.Kind == domain.FaultOperator
}

// Remedy says in a sentence who must do what about a failure. challenge is how control of the names is shown; empty if
// that is not known, or has nothing to do with it.
func Remedy(f Failure, challenge ChallengeType) string {
	return explain.Remedy(f.Fault.Kind, f.Fault.Reason, challenge)
}
