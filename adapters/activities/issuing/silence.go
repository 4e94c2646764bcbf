package issuing

import (
	"time"

	"everleaf/adapters/activities"
	"everleaf/domain"
)

// silent is since when a CA has answered nothing, from one try to the next; zero if it answers.
type silent struct {
	Silent time.Time `json:"silent,omitzero"`
}

// silence is what follows a try that failed, where the CA answers nobody. Such a try holds no slot and is no failure:
// it is parked for about as long again as the CA has been silent, each for its own time. It is the CA's fault, and the
// policy's, if the CA goes on so for too long; and at once if somebody else can do the work: then the next issuer is
// asked after the first time-outs, and no certificate waits for a CA that it does not need. That this fault is final is
// right either way: repeats in place would only find the same.
func (a *Activities) silence(since *silent, others bool, err error) error {
	fault := domain.AsFault(err)
	if fault.Reason != domain.ReasonNotAnswering {
		*since = silent{}
		return err
	}
	now := a.Clock.Now()
	if since.Silent.IsZero() {
		since.Silent = now
	}
	waited := now.Sub(since.Silent)
	final := *fault // certificates that wait for the CA together share its faults
	if others || waited >= a.pace.silence {
		return final.Permanent()
	}
	pause := min(max(waited, a.pace.silenceMin), a.pace.silenceMax)
	return activities.Parked(pause/2+time.Duration(a.Rand.Float64()*float64(pause/2)), &final)
}
