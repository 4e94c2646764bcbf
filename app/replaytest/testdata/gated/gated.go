// Package gated is a change of a workflow that goes on with what an earlier release has begun: an example to copy, and
// not one that is shipped. The workflow asks a bell to ring, waits, and asks again; since version 2 of its rules it waits
// longer.
package gated

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

const (
	// Name is the workflow type in all releases.
	Name = "Bell"
	// gate and its numbers are in recorded histories. The first release had it too, so that its runs say version 1.
	gate = "rules"
	// version is the one of this release.
	version = 2
)

// Bell is the workflow as it is released: with the old branch and the new one.
func Bell(ctx workflow.Context, rings int) error {
	pause := 2 * time.Second
	if workflow.GetVersion(ctx, gate, 1, version) < 2 { // goes when no run of version 1 is left
		pause = time.Second
	}
	return ring(ctx, rings, pause)
}

// First is the workflow as it was in the release before. It is here to record a run of that release.
func First(ctx workflow.Context, rings int) error {
	workflow.GetVersion(ctx, gate, 1, 1)
	return ring(ctx, rings, time.Second)
}

// Ungated is the change without the old branch: runs of the first release can't go on with it.
func Ungated(ctx workflow.Context, rings int) error {
	workflow.GetVersion(ctx, gate, 1, version)
	return ring(ctx, rings, 2*time.Second)
}

func ring(ctx workflow.Context, rings int, pause time.Duration) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: 5 * time.Second})
	for range rings {
		if err := workflow.ExecuteLocalActivity(ctx, Ring).Get(ctx, nil); err != nil {
			return err
		}
		if err := workflow.Sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// Ring is the bell's step.
func Ring() error { return nil }
