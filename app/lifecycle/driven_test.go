package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"everleaf/app/internal/fault"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// driver lives a life with the machine alone.
type driver struct {
	*sides
	lived
	m   *lifecycle.Machine
	run string
	now time.Time
	// suggested reports whether the server has suggested to hand over.
	suggested bool
	// atWork are the steps that run, waiting the requests that are not answered.
	atWork  []*atWork
	waiting []string
	// alarm is until when the machine waits, zero for ever.
	alarm time.Time
}

type atWork struct {
	action lifecycle.Action
	in     any
	ends   time.Time
	fault  *domain.Fault
}

func (l life) driven() lived {
	d := &driver{sides: l.side(), now: start, run: "run-1", lived: lived{answers: map[string]string{}}}
	d.m = lifecycle.New(certName, lifecycle.State{Spec: l.spec, Mode: lifecycle.Active}, lifecycle.Version,
		"run-1/start", d.now)
	events := l.events
	for !d.settle() {
		step := d.earliest()
		switch {
		case step != nil && before(step.ends, d.alarm) &&
			(len(events) == 0 || step.ends.Before(start.Add(events[0].at))):
			d.now = step.ends
			d.finish(step, step.fault)
		case len(events) > 0 && before(start.Add(events[0].at), d.alarm):
			d.now = start.Add(events[0].at)
			d.happens(events[0])
			events = events[1:]
		default:
			d.now = d.alarm
		}
	}
	return d.lived
}

func before(at, alarm time.Time) bool { return alarm.IsZero() || at.Before(alarm) }

func (d *driver) earliest() (first *atWork) {
	for _, w := range d.atWork {
		if first == nil || w.ends.Before(first.ends) {
			first = w
		}
	}
	return first
}

func (d *driver) happens(e event) {
	switch {
	case e.cancel:
		d.m.Cancel()
		d.settle()
		for _, w := range slices.Clone(d.atWork) {
			if w.action.Step != lifecycle.StepRelease {
				cancelled := fault.Of(temporal.NewCanceledError())
				d.finish(w, &cancelled)
			}
		}
	case e.happens != nil:
		e.happens(d.store, d.now)
		if e.suggests && !d.suggested { // that alone wakes a run: in the test suite, before the signal
			d.suggested = true
			ends := len(d.ends)
			if d.settle(); len(d.ends) > ends {
				return // the next run reads the record first
			}
		}
		d.m.Notice()
	default:
		request := domain.Request{ID: d.run + "/" + e.id, At: d.now}
		switch in := e.argument.(type) {
		case ports.EnsureRequest:
			request.Kind, request.Spec = domain.RequestEnsure, &in.Spec
		case ports.RenewRequest:
			request.Kind, request.Force = domain.RequestRenew, in.Force
		case ports.RevokeRequest:
			request.Kind, request.WithoutReplacement = domain.RequestRevoke, in.WithoutReplacement
		case ports.RetireRequest:
			request.Kind, request.RemoveDeliveries = domain.RequestRetire, in.RemoveDeliveries
		}
		d.m.Ask(request)
		d.waiting = append(d.waiting, request.ID)
	}
}

// settle has the machine begin all that is due and answer who need not wait. It reports whether the life has ended.
func (d *driver) settle() (ended bool) {
	for {
		s := lifecycle.Situation{Now: d.now, Suggested: d.suggested}
		a := d.m.Next(s)
		if a.Do == lifecycle.Run {
			d.begin(a)
			continue
		}
		answered := len(d.waiting)
		d.waiting = slices.DeleteFunc(d.waiting, func(id string) bool {
			answer := d.m.Answer(id, s)
			if !answer.Wait {
				d.answers[id] = fmt.Sprintf("%s %s", d.now.Sub(start), d.says(id, answer))
				d.m.Forget(id)
			}
			return !answer.Wait
		})
		switch {
		case len(d.waiting) < answered:
		case a.Do == lifecycle.Wait:
			d.alarm = a.At
			return false
		default:
			d.ends = append(d.ends, fmt.Sprintf("%s %s %s", d.now.Sub(start), a.Do, text(d.m)))
			if a.Do != lifecycle.ContinueAsNew {
				return true
			}
			d.suggested = false
			d.run = fmt.Sprintf("run-%d", len(d.ends)+1)
			d.m = lifecycle.New(certName, d.m.State, lifecycle.Version, d.run+"/start", d.now)
		}
	}
}

func (d *driver) says(id string, answer lifecycle.Answer) string {
	if answer.Fault != nil {
		return string(answer.Fault.Reason)
	}
	if answer.Failure != nil {
		return string(answer.Failure.Fault.Reason)
	}
	status := d.m.Status(d.run)
	ticket, _ := d.m.Ticket(id)
	status.Changes, status.Already, status.Revoked = ticket.Changes, ticket.Already, ticket.Serial
	return text(status)
}

func (d *driver) begin(a lifecycle.Action) {
	d.m.Begin(a, d.now)
	w := &atWork{action: a, in: d.input(a)}
	takes, fault := d.goes(string(a.Step))
	w.ends, w.fault = d.now.Add(takes), fault
	d.atWork = append(d.atWork, w)
	d.lived.begin(d.now, string(a.Step)+" "+text(w.in), d.m)
}

// input is what the step of an action has to be given, said a second time.
func (d *driver) input(a lifecycle.Action) any {
	m := d.m
	switch a.Step {
	case lifecycle.StepRecordRequest:
		in := ports.RecordRequestInput{Certificate: certName, Before: m.Spec, Want: m.Want}
		if ticket, ok := m.Ticket(a.Request); ok {
			in.Request = &ticket.Request
		}
		return in
	case lifecycle.StepReserve:
		return ports.ReserveOrderInput{Certificate: certName, Spec: m.Attempt.Spec, Issuer: m.Attempt.Issuer,
			Want: m.Attempt.Want, At: d.now}
	case lifecycle.StepObtain:
		return ports.ObtainCertificateInput{
			Certificate: certName, Spec: m.Attempt.Spec, Issuer: m.Attempt.Issuer, Replaces: m.Attempt.Want.Replaces,
			NewKey: m.Attempt.NewKey, Force: m.Attempt.Want.Force, Planned: m.Attempt.Want.Planned,
		}
	case lifecycle.StepDeliver:
		return ports.DeliverCertificateInput{Certificate: certName, Target: a.Target, Version: a.Version}
	case lifecycle.StepRemove:
		return ports.RemoveDeliveryInput{Certificate: certName, Target: a.Target}
	case lifecycle.StepRevoke:
		return ports.RevokeCertificateInput{Certificate: certName, Version: a.Version}
	case lifecycle.StepRelease:
		return ports.RecordReleasedInput{Certificate: certName, At: d.now, Cancelled: m.Mode == lifecycle.Cancelled}
	}
	failed := m.Failed[0]
	in := ports.RecordFailureInput{
		Certificate: certName, Step: string(failed.Action.Step), Fault: failed.Fault, At: failed.At,
		Target:  failed.Action.Target,
		Version: failed.Action.Version, Previous: m.Previous(failed.Action), Issued: m.Issued(),
	}
	if s := failed.Action.Step; m.Attempt != nil && (s == lifecycle.StepReserve || s == lifecycle.StepObtain) {
		in.Spec, in.Issuer, in.Tried = m.Attempt.Spec, m.Attempt.Issuer, m.Attempt.Tried
	}
	return in
}

// finish gives the machine a step's outcome; fault is nil for a success.
func (d *driver) finish(w *atWork, fault *domain.Fault) {
	d.atWork = slices.DeleteFunc(d.atWork, func(other *atWork) bool { return other == w })
	if fault != nil {
		d.fail(w.action, *fault)
	} else {
		d.succeed(w.action, d.store.carryOut(d.run, d.now, w.in))
	}
	if visible := d.m.Unpublished(); visible != nil {
		d.m.Publish(*visible)
	}
}

func (d *driver) fail(a lifecycle.Action, fault domain.Fault) {
	switch a.Step {
	case lifecycle.StepRecordRequest:
		d.m.Unrecorded(a, fault, d.now)
	case lifecycle.StepRecordFailure:
		d.m.Undecided(a, fault, d.now)
	default:
		d.m.FailedWith(a, fault, d.now)
	}
}

func (d *driver) succeed(a lifecycle.Action, out any) {
	m := d.m
	switch out := out.(type) {
	case ports.RecordRequestOutput:
		m.Recorded(a, out, d.now)
	case ports.ReserveOrderOutput:
		m.Reserved(a, out)
	case ports.ObtainCertificateOutput:
		m.ObtainedCertificate(a, out.Record)
	case ports.RecordFailureOutput:
		m.Decided(a, out)
	case ports.DeliverCertificateOutput:
		m.Delivered(a, d.now)
	case ports.RemoveDeliveryOutput:
		m.Removed(a)
	case ports.RevokeCertificateOutput:
		m.Revoked(a, out.Record)
	case ports.RecordReleasedOutput:
		m.Released(a, out.Record)
	}
}
