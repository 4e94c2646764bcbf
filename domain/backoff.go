package domain

import "time"

const (
	// minRetryAfter is the least wait that is taken as asked, and shortRetryAfters how often in a row; from then on it
	// is minRetryAfterRepeated: a CA that says 1 s for a day is asked once a minute.
	minRetryAfter         = time.Second
	minRetryAfterRepeated = time.Minute
	shortRetryAfters      = 5
	// maxRetryAfter bounds a wait that is followed in full: no published limit takes longer to refill (Let's Encrypt's
	// longest is 34 h). Any other wait that is asked for is followed for maxRetryAfterElse at most.
	maxRetryAfter     = 7 * 24 * time.Hour
	maxRetryAfterElse = 24 * time.Hour
	// maxShort is the longest wait for what is our own: nobody is harmed by a look.
	maxShort = 10 * time.Minute
	// jitter is by how much a wait is drawn out at most, so that what failed together is not tried again together. A
	// wait that the other side asked for is not drawn out.
	jitter = 0.1
	// lifePart is the part of what is left of a certificate's life that a wait may take: a quarter. A short life sees
	// many tries before it ends.
	lifePart = 4
	// maxExpired is the longest wait once the certificate in service has expired.
	maxExpired = time.Hour
)

// schedule is how long to wait after the first, second, third and every further failure (Let's Encrypt's integration
// guide: 1, 10, 100 minutes, then daily).
var schedule = [...]time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, 24 * time.Hour}

// wait is how long to wait before the next try, the attempts counted until then, and how often in a row the other side
// asked for a wait.
//
// A wait that is asked for does not count as an attempt, unless it is the first. A CA that limits without saying for
// how long gets the schedule's waits (RFC 8555 §6.6 only asks it to say).
func (in Failed) wait(r rule) (wait time.Duration, attempts, asked int) {
	if in.Previous != nil {
		attempts, asked = max(0, in.Previous.Attempts), in.Previous.RetryAfterCount
	}
	if in.Fault.RetryAfter > 0 {
		attempts, asked = max(1, attempts), asked+1
		wait = r.asAsked.follow(in.Fault.RetryAfter, asked)
		if r.asAsked == inFull {
			return wait, attempts, asked
		}
		return in.withinLife(r, wait), attempts, asked
	}
	wait = schedule[min(attempts, len(schedule)-1)]
	if r.backoff == short {
		wait, attempts = min(wait, maxShort), max(1, attempts)
	} else {
		attempts++
	}
	wait = in.withinLife(r, wait)
	return wait + time.Duration(unit(in.Fraction)*jitter*float64(wait)), attempts, 0
}

// follow holds a wait that was asked for the count-th time in a row.
func (a asAsked) follow(wait time.Duration, count int) time.Duration {
	least, most := minRetryAfter, maxRetryAfterElse
	if count > shortRetryAfters {
		least = minRetryAfterRepeated
	}
	if a == inFull {
		most = maxRetryAfter
	}
	return min(max(wait, least), most)
}

// withinLife holds a wait by what is left of the life of the certificate in service. What a revocation is about is out
// of service: it waits by the schedule.
func (in Failed) withinLife(r rule, wait time.Duration) time.Duration {
	revocation := in.Version != "" && in.Target == ""
	if in.Issued == nil || r.backoff == bySchedule || revocation {
		return wait
	}
	left := in.Issued.NotAfter.Sub(in.At)
	if left <= 0 {
		return min(wait, maxExpired)
	}
	return min(wait, max(left/lifePart, schedule[0]))
}
