package activities

import (
	"context"
	"slices"

	"everleaf/domain"
	"everleaf/ports"
)

// Elsewhere makes a fault about an issuer or target that this worker does not have a Wait fault where another running
// process has it: the file of one of the two is older, and the next try may meet the other.
func Elsewhere(ctx context.Context, processes ports.Processes, err error, has func(ports.Process) bool) error {
	fault := domain.AsFault(err)
	if fault.Reason != domain.ReasonUnknownIssuer && fault.Reason != domain.ReasonUnknownTarget {
		return err
	}
	running, unread := processes.Processes(ctx)
	if unread != nil {
		return unread
	}
	if !slices.ContainsFunc(running, has) {
		return err
	}
	return domain.NewFault(domain.FaultWait, fault.Reason, nil,
		"%s; another worker has it, so it is tried again, for that one or for when this one has read its file again",
		fault.Message)
}

// HasIssuer reports whether a process can order from the issuer.
func HasIssuer(name string) func(ports.Process) bool {
	return func(p ports.Process) bool {
		return slices.ContainsFunc(p.Issuers, func(i ports.ProcessIssuer) bool { return i.Name == name })
	}
}

// HasTarget reports whether a process serves the target, as specs name it.
func HasTarget(delivery string) func(ports.Process) bool {
	return func(p ports.Process) bool {
		return slices.ContainsFunc(p.Targets, func(t ports.ProcessTarget) bool { return t.String() == delivery })
	}
}
