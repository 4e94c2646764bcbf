package lifecycle

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// begin starts the action's step with what holds now. Its outcome goes to the machine.
func (r *run) begin(ctx workflow.Context, a lifecycle.Action) {
	m := r.machine
	m.Begin(a, now(ctx))
	failed := func(fault domain.Fault) { m.FailedWith(a, fault, now(ctx)) }
	switch a.Step {
	case lifecycle.StepRecordRequest:
		in := ports.RecordRequestInput{Certificate: m.Name, Before: m.Spec, Generation: m.Generation, Want: m.Want}
		if ticket, ok := m.Ticket(a.Request); ok {
			in.Request = &ticket.Request
		}
		short(ctx, r, ports.RecordRequest, in,
			func(out ports.RecordRequestOutput) { m.Recorded(a, out, now(ctx)) },
			func(fault domain.Fault) { m.Unrecorded(a, fault, now(ctx)) })
	case lifecycle.StepReserve:
		short(ctx, r, ports.ReserveOrder, ports.ReserveOrderInput{
			Certificate: m.Name, Spec: m.Attempt.Spec, Issuer: m.Attempt.Issuer, Want: m.Attempt.Want, At: now(ctx),
		}, func(out ports.ReserveOrderOutput) { m.Reserved(a, out) }, failed)
	case lifecycle.StepObtain:
		remote(ctx, r, obtaining(m, r.queue), ports.ObtainCertificate, ports.ObtainCertificateInput{
			Certificate: m.Name, Spec: m.Attempt.Spec, Issuer: m.Attempt.Issuer, Replaces: m.Attempt.Want.Replaces,
			NewKey: m.Attempt.NewKey, Force: m.Attempt.Want.Force, Planned: m.Attempt.Want.Planned,
		}, func(out ports.ObtainCertificateOutput) { m.ObtainedCertificate(a, out.Record) }, failed)
	case lifecycle.StepRecordFailure:
		short(ctx, r, ports.RecordFailure, r.failure(),
			func(out ports.RecordFailureOutput) { m.Decided(a, out) },
			func(fault domain.Fault) { m.Undecided(a, fault, now(ctx)) })
	case lifecycle.StepDeliver:
		remote(ctx, r, delivering(m, r.queue, a.Target, m.Priority), ports.DeliverCertificate,
			ports.DeliverCertificateInput{Certificate: m.Name, Target: a.Target, Version: a.Version},
			func(ports.DeliverCertificateOutput) { m.Delivered(a, now(ctx)) }, undone(r.queue, a.Target, failed))
	case lifecycle.StepRemove:
		remote(ctx, r, delivering(m, r.queue, a.Target, domain.PriorityUsual), ports.RemoveDelivery,
			ports.RemoveDeliveryInput{Certificate: m.Name, Target: a.Target},
			func(ports.RemoveDeliveryOutput) { m.Removed(a) }, undone(r.queue, a.Target, failed))
	case lifecycle.StepRevoke:
		remote(ctx, r, revoking(m, r.queue), ports.RevokeCertificate,
			ports.RevokeCertificateInput{Certificate: m.Name, Version: a.Version},
			func(out ports.RevokeCertificateOutput) { m.Revoked(a, out.Record) }, failed)
	case lifecycle.StepRelease:
		short(ctx, r, ports.RecordReleased, ports.RecordReleasedInput{
			Certificate: m.Name, At: now(ctx), Cancelled: m.Mode == lifecycle.Cancelled,
		},
			func(out ports.RecordReleasedOutput) { m.Released(a, out.Record) }, failed)
	default:
		panic("no step for the action " + string(a.Step))
	}
}

// undone says where a step for a target was not done in time. The targets have time-outs of their own, so that it is a
// worker that is missing, most likely that of a host.
func undone(queue, target string, failed func(domain.Fault)) func(domain.Fault) {
	return func(fault domain.Fault) {
		if fault.Reason == domain.ReasonStepTimedOut {
			_, host := lifecycle.TargetHost(target)
			worker := "a worker with the role delivery"
			if host != "" {
				worker += " and EVERLEAF_DELIVERY_HOST=" + host
			}
			fault.Message = fmt.Sprintf("target %s: no worker has done it within %s on the task queue %s: is %s running?",
				target, targetTime, ports.DeliveryTaskQueue(queue, host), worker)
		}
		failed(fault)
	}
}

// failure is the machine's oldest failed action, for the policy to decide about.
func (r *run) failure() ports.RecordFailureInput {
	m := r.machine
	failed := m.Failed[0]
	in := ports.RecordFailureInput{
		Certificate: m.Name, Step: string(failed.Action.Step), Fault: failed.Fault, At: failed.At,
		Target: failed.Action.Target, Version: failed.Action.Version, Previous: m.Previous(failed.Action),
		Issued: m.Issued(),
	}
	switch attempt := m.Attempt; failed.Action.Step {
	case lifecycle.StepReserve, lifecycle.StepObtain:
		if attempt != nil {
			in.Spec, in.Issuer, in.Tried = attempt.Spec, attempt.Issuer, attempt.Tried
		}
	}
	return in
}
