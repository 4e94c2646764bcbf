package issuing

import (
	"context"
	"time"

	"everleaf/adapters/activities"
	"everleaf/domain"
)

// progress is how far an issuance is, from one try to the next. All of it may be lost with a worker: then what is
// stored and what the CA shows decide.
type progress struct {
	// Order is the order that Stage is about.
	Order string `json:"order,omitempty"`
	Stage stage  `json:"stage,omitempty"`
	// Look has what it waits for, and since when; Checks counts the checks since then.
	domain.Look
	Checks int `json:"checks,omitempty"`
	// Closed is since when all that are asked refuse connections; zero if somebody answers.
	Closed time.Time `json:"closed,omitzero"`
	// Failures counts the tries that failed, Expired the orders that expired.
	Failures int `json:"failures,omitempty"`
	Expired  int `json:"expired,omitempty"`
	silent
}

// stage is what an order waits for.
type stage string

const (
	// presented: the challenges are there; they are not visible from our side yet.
	presented stage = "presented"
	// accepted: the CA may validate the challenges.
	accepted stage = "accepted"
	// finalizing: the CA may issue.
	finalizing stage = "finalizing"
)

// enter begins a stage, unless an earlier try has begun it.
func (i *issuance) enter(s stage) {
	if i.at.Stage == s {
		return
	}
	i.at.Stage, i.at.Checks, i.at.Closed = s, 0, time.Time{}
	i.at.Look = domain.Look{Since: i.Clock.Now(), For: i.waitsFor()}
	i.beat.Reached(i.at)
}

// waitsFor is whom the stage waits for.
func (i *issuance) waitsFor() string {
	switch i.at.Stage {
	case presented:
		return "the challenge to be seen from here"
	case accepted:
		return "the issuer " + i.issuer + " to validate"
	case finalizing:
		return "the issuer " + i.issuer + " to issue"
	default:
		return "the issuer " + i.issuer
	}
}

// saw notes what a check has seen and when it is given up.
func (i *issuance) saw(fault *domain.Fault, limit time.Duration) {
	i.at.Seen, i.at.Until = domain.SeenText(fault.Error()), i.at.Since.Add(limit)
	i.beat.Reached(i.at)
}

// switchTo makes the order the current one; it reports whether an earlier try knew it.
func (i *issuance) switchTo(orderID string) (known bool) {
	if i.at.Order == orderID {
		return true
	}
	i.at = progress{Order: orderID, Failures: i.at.Failures, Expired: i.at.Expired}
	i.at.For = i.waitsFor()
	i.beat.Reached(i.at)
	return false
}

// wait waits between two checks: as long as was asked for, else for a pause that doubles with each check. It waits in
// place for the first seconds of a stage; after that the try ends, and the next one checks again. After
// pace.stageLimit, stuck is the fault.
func (i *issuance) wait(ctx context.Context, asked, first time.Duration, stuck *domain.Fault) error {
	pause := min(first<<min(i.at.Checks, 16), i.pace.pauseMax)
	pause = activities.PauseOr(asked, pause, i.pace.askedMax)
	i.at.Checks++
	i.beat.Reached(i.at)
	now := i.Clock.Now()
	if !now.Add(pause).After(i.at.Since.Add(i.pace.place)) {
		return activities.Wait(ctx, pause)
	}
	if now.Sub(i.at.Since) >= i.pace.stageLimit {
		return stuck
	}
	return activities.Parked(max(pause, i.pace.parkMin), stuck)
}

// stuckFault is the CA's fault: what we wait for is its work.
func (i *issuance) stuckFault(what string) *domain.Fault {
	return domain.NewFault(domain.FaultCA, domain.ReasonOrderStuck, nil, "order %s: %s since %s",
		i.stored.URL, what, i.at.Since.UTC().Format(time.RFC3339)).Permanent()
}
