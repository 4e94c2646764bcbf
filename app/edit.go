package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"everleaf/adapters/activities/issuing"
	"everleaf/domain"
	"everleaf/ports"
)

// Held is a certificate as one finds it who wants to change it.
type Held struct {
	// Known reports whether somebody has asked for it before, and Kept whether a workflow keeps it, and is not about to
	// end.
	Known, Kept bool
	// Spec is what was asked for last, of this generation; zero if it is not known.
	Spec       Spec
	Generation int64
	// Status is that of what is kept; of what is not, what is left of it.
	Status Status
}

// Stored reads a certificate from Postgres; nil where there is no database to ask.
type Stored func(ctx context.Context, name string) (Record, error)

const (
	// lookPause is the pause before a workflow is asked again that nobody could answer for.
	lookPause = time.Second
	// conflicts is how often a change is made again since another came first, and conflictPause up to how long it
	// waits.
	conflicts     = 10
	conflictPause = 300 * time.Millisecond
)

// Find looks a certificate up: at its workflow, and without one in Postgres. One whose workflow has ended is a Spec
// fault "WorkflowEnded" if there is no database to ask.
func Find(ctx context.Context, keeper Keeper, stored Stored, name string) (Held, error) {
	status, err := keeper.Status(ctx, name)
	if err == nil {
		kept := status.Phase != domain.PhaseRetiring && status.Phase != domain.PhaseReleased
		return Held{Known: true, Kept: kept, Spec: status.Spec, Generation: status.Generation, Status: status}, nil
	}
	switch reason := domain.AsFault(err).Reason; {
	case ctx.Err() != nil:
		return Held{}, ctx.Err()
	case reason == domain.ReasonUnknownCertificate && stored == nil:
		return Held{}, nil
	case reason == domain.ReasonUnknownCertificate, reason == domain.ReasonWorkflowEnded && stored != nil:
		return left(ctx, stored, name)
	default:
		return Held{}, err
	}
}

// Answered calls find again, as long as ctx lets it, while no worker answers.
func Answered(ctx context.Context, find func(context.Context) (Held, error)) (Held, error) {
	unattended := []domain.Reason{domain.ReasonNoWorker, domain.ReasonNoAnswer, domain.ReasonWorkflowNotReady}
	for {
		held, err := find(ctx)
		if err == nil || !slices.Contains(unattended, domain.AsFault(err).Reason) {
			return held, err
		}
		if err := pause(ctx, lookPause); err != nil {
			return Held{}, err
		}
	}
}

// CheckReleased refuses to take a certificate for retired whose workflow has come to its end, and which Postgres has as
// kept, since it was restored to before that. It is a Spec fault "WorkflowEnded".
func CheckReleased(ctx context.Context, stored Stored, name string) error {
	record, err := stored(ctx, name)
	switch {
	case err != nil && domain.AsFault(err).Reason == domain.ReasonUnknownCertificate,
		err == nil && record.ReleasedAt != nil:
		return nil
	case err != nil:
		return fmt.Errorf("its workflow has come to its end, and whether it is retired in Postgres is not known: %w", err)
	}
	return domain.NewFault(domain.FaultSpec, domain.ReasonWorkflowEnded, nil,
		"certificate %q is not retired in Postgres, but its workflow has come to its end, as where Postgres was restored to "+
			"before that: run `everleaf cert ensure %s`, and then `everleaf cert retire %s` again", name, name, name)
}

// UnknownCertificate is the fault of a certificate that there is not.
func UnknownCertificate(name string) error {
	return domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil, "there is no certificate %q", name)
}

// left is what Postgres has of a certificate that no workflow keeps.
func left(ctx context.Context, stored Stored, name string) (Held, error) {
	record, err := stored(ctx, name)
	if err != nil {
		if domain.AsFault(err).Reason == domain.ReasonUnknownCertificate {
			return Held{}, nil
		}
		return Held{}, err
	}
	held := Held{Known: true, Spec: record.Spec, Generation: record.Generation}
	if record.Asked != nil {
		held.Spec = *record.Asked
	}
	held.Status = Status{Name: name, Phase: domain.PhaseReleased, Spec: held.Spec, Generation: held.Generation,
		Issued: record.Issued, Renewal: record.Renewal}
	return held, nil
}

// issues reports whether a certificate would be obtained for what no workflow keeps. Without a plan, it is not due.
func issues(held Held, spec Spec) bool {
	record := domain.Record{Issued: held.Status.Issued, Renewal: held.Status.Renewal, Retirement: domain.Released}
	if record.Issued == nil || record.Renewal == nil {
		return !spec.FulfilledBy(record.Issued)
	}
	needed, _ := domain.Needed(time.Now(), record, spec, domain.Want{Reason: domain.WakeChanged})
	return needed
}

// CheckConfigured refuses what none of the processes on the task queue could carry out; what before names is not looked
// at. It is a Spec fault that lists what there is.
func CheckConfigured(processes []Process, queue string, spec, before Spec) error {
	if fault := issuing.Configured(processes, queue).Check(spec, before); fault != nil {
		return fault
	}
	return nil
}

// Change asks for what edit makes of the certificate that find finds, and waits as Ensure does. Somebody who changes it
// meanwhile loses nothing: then it is found, and edited, again. held is what was changed.
func Change(ctx context.Context, keeper Editor, name string, find func(context.Context) (Held, error),
	edit func(Held) (Spec, error)) (status Status, held Held, err error) {
	for try := 1; ; try++ {
		if held, err = find(ctx); err != nil {
			return Status{}, held, err
		}
		spec, err := edit(held)
		if err != nil {
			return Status{}, held, err
		}
		status, err = keeper.EnsureWith(ctx, name,
			ports.EnsureRequest{Spec: spec, ExpectedGeneration: &held.Generation})
		if err == nil || ctx.Err() != nil || domain.AsFault(err).Reason != domain.ReasonGenerationConflict ||
			try == conflicts {
			return status, held, err
		}
		if err := pause(ctx, rand.N(conflictPause)); err != nil {
			return Status{}, held, err
		}
	}
}

// CheckGeneration refuses what was made from another spec than the one in force, as Ensure does: with a Spec fault
// "GenerationConflict". A nil expects nothing.
func CheckGeneration(name string, expected *int64, generation int64) error {
	if expected == nil || *expected == generation {
		return nil
	}
	return domain.GenerationConflict(name, generation, *expected)
}

// Propose says what spec would change. It starts nothing and changes nothing.
func Propose(ctx context.Context, keeper Editor, name string, held Held, spec Spec) (Status, error) {
	if held.Kept {
		return keeper.EnsureWith(ctx, name, ports.EnsureRequest{Spec: spec, DryRun: true})
	}
	if err := domain.ValidateCertificateName(name); err != nil {
		return Status{}, err
	}
	validated, err := spec.Validated()
	if err != nil {
		return Status{}, err
	}
	status := held.Status
	status.Name, status.DryRun, status.WouldIssue = name, true, issues(held, validated)
	if held.Known {
		status.Changes = append([]string{"it is kept in service again"}, held.Spec.Changes(validated)...)
		return status, nil
	}
	status.Spec, status.Changes = validated, []string{"it is created"}
	return status, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
