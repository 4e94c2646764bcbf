package lifecycle

import "go.temporal.io/sdk/workflow"

// Version gates: every change to the order of a workflow's commands stands here, oldest first, with what each version
// does. A gate's name and numbers are in recorded histories and are never used for anything else. The branch of a
// version may be deleted when no run that recorded it can be open any more (a run ends with its renewal, so after the
// longest life of a certificate); the call itself stays.
const (
	// issuanceGate decides how a placed order becomes a certificate, and what Temporal's visibility is told.
	//
	//   - DefaultVersion: steps AuthorizeOrder, FinalizeOrder and PlanRenewal, on the workflows' own queue.
	//   - 1: one step ObtainCertificate on the authorization queue; search attributes are written.
	issuanceGate = "issuance"
	// releaseGate decides what a run does when it is cancelled.
	//
	//   - DefaultVersion: it ends.
	//   - 1: it notes that the certificate is kept no more, and ends.
	releaseGate = "release"
	// changeGate decides what a run does with a changed spec.
	//
	//   - DefaultVersion: every change of names, key type, profile, issuers or challenge is issued for at once.
	//   - 1: only one that the certificate in service does not fulfil; the change is noted, and deliveries follow the spec.
	//   - 2: nor, while an attempt is at work, one under which each of the issuers that it may end with is still listed.
	changeGate = "change"
	// deliveryGate decides whether the deliveries of a first input are carried out.
	//
	//   - DefaultVersion: they are ignored.
	//   - 1: they are carried out.
	deliveryGate = "delivery"
	// revokingGate decides whether pending revocations are noted outside the workflow.
	//
	//   - DefaultVersion: they are not, unless it is cancelled.
	//   - 1: they are, when they are asked for and when it turns out that they have to wait.
	revokingGate = "revoking"
	// leftGate decides what becomes of targets that were to keep a certificate that was given up, if before its end somebody
	// wants it kept, or wants them cleared.
	//
	//   - DefaultVersion: they are forgotten.
	//   - 1: they are cleared, but for those that are named again.
	leftGate = "left"
	// retirementGate decides how revocation and retirement meet.
	//
	//   - DefaultVersion: the end, and who asks for a revocation while it is noted, wait for each other; what is kept again is
	//     revoked with nothing to replace it.
	//   - 1: the revocation is carried out before the end; what is kept again is replaced as well.
	retirementGate = "retirement"
)

// oneStep says whether this run issues as of version 1 of the gate. It is asked first in the workflow task that places
// the order, where its marker costs no action of its own.
func oneStep(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, issuanceGate, workflow.DefaultVersion, 1) >= 1
}

// weighs says whether this run weighs a changed spec as of version 1 of the gate.
func weighs(ctx workflow.Context) bool {
	return changeVersion(ctx) >= 1
}

// prefers says whether this run weighs a changed order of issuers as of version 2 of the gate.
func prefers(ctx workflow.Context) bool {
	return changeVersion(ctx) >= 2
}

func changeVersion(ctx workflow.Context) workflow.Version {
	return workflow.GetVersion(ctx, changeGate, workflow.DefaultVersion, 2)
}

// notesRevocations says whether this run notes pending revocations as of version 1 of the gate.
func notesRevocations(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, revokingGate, workflow.DefaultVersion, 1) >= 1
}

// outlives says whether this run ends, or is kept again, as of version 1 of the retirement's gate. It is asked where it matters only.
func outlives(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, retirementGate, workflow.DefaultVersion, 1) >= 1
}

// delivers says whether this run delivers as of version 1 of the gate.
func delivers(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, deliveryGate, workflow.DefaultVersion, 1) >= 1
}

// takesBack says whether this run clears what it was to leave as of version 1 of the gate.
func takesBack(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, leftGate, workflow.DefaultVersion, 1) >= 1
}

// releases says whether this run ends as of version 1 of the gate.
func releases(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, releaseGate, workflow.DefaultVersion, 1) >= 1
}
