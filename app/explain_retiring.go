package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"everleaf/app/explain"
	"everleaf/domain"
	"everleaf/ports"
)

// retiring is what becomes of a certificate that somebody has retired, until nothing is left to do.
func retiring(e Explanation) Explanation {
	e.Severity, e.Failure = domain.SeverityNone, nil
	if o := e.Order; o != nil {
		e.Next = append(e.Next, Next{What: "The issuer " + o.Issuer + " is waited for, since " +
			o.Since.Format(time.RFC3339) + ": the order at work is not given up."})
	}
	for _, r := range e.Revoking {
		e.Next = append(e.Next, nextRevocation(e.Timeline, r))
		if r.Failure != nil {
			e.Severity = domain.SeverityInfo
		}
	}
	for _, d := range e.Deliveries {
		if d.Removing {
			e.Next = append(e.Next, nextRemoval(e.Timeline, d))
		}
		if d.Failure != nil {
			e.Severity = domain.SeverityInfo
		}
	}
	what := "The certificate is released: nobody keeps it, and nobody renews it."
	if len(e.Next) > 0 {
		what = "When all that is done, the certificate is released: nobody keeps it, and nobody renews it. To keep it " +
			"after all, run everleaf cert ensure " + e.Name + "."
	}
	e.Next = append(e.Next, Next{What: what})
	return e
}

// nextRemoval is what becomes of a target that is to be cleared.
func nextRemoval(timeline ports.Timeline, d domain.Delivery) Next {
	retires := timeline.Retirement == domain.Clearing
	what := "The certificate is cleared from " + d.Target
	if !retires {
		what += ", which the spec no longer names"
	}
	f := d.Failure
	if f == nil {
		return Next{What: what + "."}
	}
	times := ""
	if since := removalFails(timeline.Events, d.Target); f.Attempts > 1 && !since.IsZero() && since.Before(f.At) {
		times = fmt.Sprintf(" (it has failed since %s)", since.Format(time.RFC3339))
	}
	way := ""
	if retires {
		way = timeline.Name
	}
	return Next{At: f.RetryAt, What: fmt.Sprintf("%s: Everleaf tries again. The last try failed at %s%s: %s (%s/%s). "+
		"What to do: %s", what, f.At.Format(time.RFC3339), times, strings.TrimRight(f.Fault.Message, ". "), f.Fault.Kind,
		f.Fault.Reason, RemovalRemedy(*f, way))}
}

// removalFails is since when the target cannot be cleared, as far as the events, newest first, go back.
func removalFails(events []ports.Event, target string) (since time.Time) {
	for _, e := range events {
		var detail struct{ Target, Step string }
		if json.Unmarshal(e.Detail, &detail) != nil || detail.Target != target {
			continue
		}
		if e.Type != "delivery_failed" || detail.Step != domain.RemovalStep {
			break
		}
		since = e.At
	}
	return since
}

// RemovalRemedy says who must do what about a target that cannot be cleared. retiring is the certificate that is
// retired with its targets, for the way to leave it there; empty if it is kept.
func RemovalRemedy(f Failure, retiring string) string {
	remedy := explain.Removal(f.Fault.Kind, f.Fault.Reason)
	if retiring == "" {
		return remedy
	}
	return fmt.Sprintf("%s When that is done, everleaf cert retire %s --remove-deliveries tries at once. If the target "+
		"is gone, or may keep the certificate: everleaf cert retire %s, without that flag, leaves it there.", remedy,
		retiring, retiring)
}
