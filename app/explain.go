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

// Stories tells what Postgres knows of a certificate.
type Stories = ports.Stories

// Event is one line of a certificate's audit.
type Event = ports.Event

// OpenStories connects to Postgres, waiting up to the start timeout, and refuses a schema that does not fit; call closer when
// done. Neither Temporal nor a sealing key is needed. It reads config.Postgres and config.StartTimeout.
func OpenStories(ctx context.Context, config Config) (stories Stories, closer func(), err error) {
	pool, err := openChecked(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return postgres.NewStories(pool), pool.Close, nil
}

// Explanation is a certificate's story with what follows from it.
type Explanation struct {
	ports.Story
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

// Explain draws the conclusions from a story, as they are at now. Deliveries that nobody asks for are marked as Removing.
func Explain(now time.Time, story ports.Story) Explanation {
	e := Explanation{Story: story, Next: []Next{}}
	if story.Wanted != nil {
		e.Changes = story.Spec.Changes(*story.Wanted)
	}
	if story.Issued != nil && story.RevokedAt != nil {
		issued := *story.Issued
		issued.Revoked = true
		e.Issued = &issued
	}
	e.Deliveries = asked(story)
	if story.ReleasedAt != nil {
		e.Severity = domain.SeverityNone
		e.Next = append(e.Next, Next{What: "Nothing: nobody keeps this certificate any more, and nobody renews it. To keep it again, run " +
			"everleaf cert ensure " + story.Name + "."})
		for _, r := range story.Revoking {
			e.Next = append(e.Next, Next{What: said(r) + " was to be revoked, and is not: who keeps it again goes on with that."})
		}
		for _, d := range e.Deliveries {
			if d.Version != "" {
				e.Next = append(e.Next, Next{What: d.Target + " keeps the certificate, and nobody clears it there. To have it cleared, run everleaf cert ensure " +
					story.Name + " and then everleaf cert retire " + story.Name + " --remove-deliveries."})
			}
		}
		return e
	}
	e.Severity = domain.SeverityOf(now, e.Issued, story.Failure)
	if story.Failure != nil {
		e.Remedy = explain.Remedy(story.Failure.Fault.Kind, story.Failure.Fault.Reason)
	}
	e.Next = append(e.Next, nextIssuance(story)...)
	for _, r := range story.Revoking {
		e.Next = append(e.Next, nextRevocation(story, r))
	}
	for _, d := range e.Deliveries {
		var at time.Time
		if d.Failure != nil {
			at = d.Failure.RetryAt
		}
		due := d.Removing || story.Issued != nil && d.Version != story.Issued.Version
		switch {
		case d.Removing:
			e.Next = append(e.Next, Next{At: at, What: "The certificate is taken away from " + d.Target + ", for which nobody asks any more."})
		case due:
			e.Next = append(e.Next, Next{At: at, What: "The certificate in service is delivered to " + d.Target + "."})
		}
	}
	return e
}

// asked marks the deliveries for which nobody asks: neither the spec in service nor the one that is at work.
func asked(story ports.Story) []domain.Delivery {
	deliveries := slices.Clone(story.Deliveries)
	for i := range deliveries {
		d := &deliveries[i]
		d.Removing = story.ReleasedAt != nil || !slices.Contains(story.Spec.Deliveries, d.Target) &&
			(story.Wanted == nil || !slices.Contains(story.Wanted.Deliveries, d.Target))
	}
	return deliveries
}

// nextIssuance is what becomes of the certificate itself.
func nextIssuance(story ports.Story) []Next {
	switch {
	case story.Failure != nil && story.Phase == domain.PhaseFailing:
		what := "Everleaf tries again."
		if story.Failure.Fault.Kind == domain.FaultRateLimited {
			what = "Everleaf tries again: the CA asked to wait until then."
		}
		return []Next{{At: story.Failure.RetryAt, What: what}}
	case story.Phase == domain.PhaseIssuing:
		return []Next{{What: "A certificate is being obtained right now."}}
	case story.Renewal == nil:
		return []Next{{What: "The renewal is planned as soon as a worker goes on with the workflow."}}
	}
	next := []Next{{At: story.Renewal.At, What: "The certificate is replaced. " + story.Renewal.Message}}
	if story.NextLook != nil && story.NextLook.Before(story.Renewal.At) {
		what := "The CA is asked whether it wants the certificate replaced at another time."
		if story.LookFailure != "" {
			what += fmt.Sprintf(" The last question had no answer: %s", story.LookFailure)
		}
		next = append([]Next{{At: *story.NextLook, What: what}}, next...)
	}
	return next
}

// nextRevocation is what becomes of a revocation that was asked for.
func nextRevocation(story ports.Story, r domain.Revocation) Next {
	replaced := story.Issued == nil || story.Issued.Version != r.Issued.Version
	switch {
	case r.Failure != nil:
		return Next{At: r.Failure.RetryAt, What: fmt.Sprintf("%s is revoked: Everleaf tries again. The last try failed: %s (%s/%s). What to do: %s",
			said(r), r.Failure.Fault.Message, r.Failure.Fault.Kind, r.Failure.Fault.Reason, Remedy(*r.Failure))}
	case !replaced && !r.WithoutReplacement:
		return Next{What: said(r) + " is revoked once it is replaced, and its targets have its replacement."}
	case replaced && !r.After.IsZero():
		return Next{At: r.After, What: said(r) + " is revoked: then at the latest, and as soon as all targets have its replacement."}
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

// Remedy says in a sentence who must do what about a failure.
func Remedy(f Failure) string { return explain.Remedy(f.Fault.Kind, f.Fault.Reason) }
