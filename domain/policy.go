package domain

import (
	"errors"
	"time"
)

// cause is what a rule is about: a kind of fault, or one reason of it.
type cause struct {
	kind   FaultKind
	reason Reason
}

// rule is what follows a fault.
type rule struct {
	// inPlace reports whether the step is repeated shortly, before anything is decided.
	inPlace bool
	// asAsked is how far a wait that the other side asked for is followed.
	asAsked asAsked
	// backoff is how long to wait where nobody asked for a wait.
	backoff backoff
	// otherIssuer is when another CA may well issue, and the spec's next one is asked at once.
	otherIssuer when
	// answer is when callers are answered with the failure; otherwise they go on waiting for the certificate.
	answer when
	// holdsRenew reports whether a Renew without force waits for the next try.
	holdsRenew bool
	// newKey reports whether the next try must not use the same key again.
	newKey bool
}

type asAsked int

const (
	// inBounds: for a day at most, and no longer than the life that is left allows.
	inBounds asAsked = iota
	// inFull: for as long as asked, since an earlier try is refused; for a week at most.
	inFull
)

type backoff int

const (
	// byLife: by the schedule, and no longer than the life that is left allows.
	byLife backoff = iota
	// bySchedule: by the schedule, whatever is left of the certificate's life: trying more often would not help.
	bySchedule
	// short: ten minutes at most, and the attempt is not counted. What is missing is our own and comes back by itself.
	short
)

type when int

const (
	never when = iota
	always
	// ifMinute: if the next try is a minute away or more.
	ifMinute
	// ifHour: if the other side asks for a wait of more than an hour, or does not say how long.
	ifHour
)

const (
	no  = false
	yes = true
)

// policy is the failure policy. The row of a kind holds for all its reasons but for those that have their own row.
// It is applied in steps, and its decisions are in their recorded answers: it may change freely.
var policy = map[cause]rule{
	//                                        in place, as asked, backoff, other issuer, answer, hold a Renew, new key
	{FaultRateLimited, ""}:                             {no, inFull, byLife, ifHour, ifMinute, yes, no},
	{FaultRateLimited, ReasonTooManyFailedValidations}: {no, inFull, byLife, never, ifMinute, yes, no},
	{FaultWait, ""}:                                    {yes, inBounds, byLife, never, ifMinute, no, no},
	{FaultWait, ReasonChallengeNotVisible}:             {yes, inBounds, bySchedule, never, ifMinute, no, no},
	{FaultWait, ReasonDatabaseUnavailable}:             {yes, inBounds, short, never, ifMinute, no, no},
	{FaultWait, ReasonSealingUnavailable}:              {yes, inBounds, short, never, ifMinute, no, no},
	{FaultWait, ReasonTemporalUnreachable}:             {yes, inBounds, short, never, ifMinute, no, no},
	{FaultName, ""}:                                    {no, inBounds, bySchedule, never, always, no, no},
	{FaultCA, ""}:                                      {yes, inBounds, byLife, always, ifMinute, no, no},
	{FaultOperator, ""}:                                {no, inBounds, byLife, never, always, no, no},
	{FaultOperator, ReasonBadCSR}:                      {no, inBounds, byLife, never, always, no, yes},
	{FaultOperator, ReasonBadPublicKey}:                {no, inBounds, byLife, never, always, no, yes},
	{FaultOperator, ReasonAccountDoesNotExist}:         {no, inBounds, byLife, always, always, no, no},
	{FaultOperator, ReasonAccountKeyUnreadable}:        {no, inBounds, byLife, always, always, no, no},
	{FaultOperator, ReasonExternalAccountRequired}:     {no, inBounds, byLife, always, always, no, no},
	{FaultOperator, ReasonInvalidContact}:              {no, inBounds, byLife, always, always, no, no},
	{FaultOperator, ReasonUnauthorized}:                {no, inBounds, byLife, always, always, no, no},
	{FaultOperator, ReasonUnsupportedContact}:          {no, inBounds, byLife, always, always, no, no},
	{FaultOperator, ReasonUserActionRequired}:          {no, inBounds, byLife, always, always, no, no},
	{FaultOperator, ReasonWrongDirectory}:              {no, inBounds, byLife, always, always, no, no},
	{FaultSpec, ""}:                                    {no, inBounds, byLife, never, always, no, no},
	// A kind that only a newer build knows:
	{"", ""}: {no, inBounds, byLife, never, ifMinute, no, no},
}

// otherIssuerAfter is the wait up to which a certificate waits for the CA that limits it.
const otherIssuerAfter = time.Hour

// answerAfter is the wait from which on callers are answered. The backoff schedule begins with it: callers go on
// waiting only through short waits that the other side asked for.
const answerAfter = time.Minute

func (f *Fault) rule() rule {
	for _, c := range []cause{{f.Kind, f.Reason}, {f.Kind, ""}} {
		if r, ok := policy[c]; ok {
			return r
		}
	}
	return policy[cause{}]
}

// fallsBack reports whether another CA may well issue where this one did not.
func (f *Fault) fallsBack() bool {
	switch f.rule().otherIssuer {
	case always:
		return true
	case ifHour:
		return f.RetryAfter == 0 || f.RetryAfter > otherIssuerAfter
	default:
		return false
	}
}

// OfCA reports whether the CA itself is at fault, so that it would answer alike about any other certificate.
func (f *Fault) OfCA() bool {
	switch f.Kind {
	case FaultRateLimited, FaultWait:
		return true
	case FaultCA:
		return f.Reason != ReasonNotFound && f.Reason != ReasonMalformedAnswer
	default:
		return false
	}
}

// Unanswered reports whether err is about the way to a certificate's workflow, and no answer of the workflow itself:
// the same call may be made again.
func Unanswered(err error) bool {
	var fault *Fault
	if !errors.As(err, &fault) || fault.Kind != FaultWait {
		return false
	}
	switch fault.Reason {
	case ReasonTemporalUnreachable, ReasonNoWorker, ReasonNoAnswer, ReasonWorkflowNotReady, ReasonRunEnded:
		return true
	default:
		return false
	}
}
