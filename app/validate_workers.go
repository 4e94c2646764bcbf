package app

import (
	"fmt"
	"regexp"
	"strconv"
)

const (
	maxSlots   = 100_000
	maxPollers = 1000
	maxSticky  = 1_000_000
)

// What a worker deployment version's parts may be made of: a part of what the server takes, so that they can be typed
// in a shell and read in a URL. The server splits versions at the first "." or ":".
var (
	deploymentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	buildID        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
)

// validate refuses what the SDK would panic on (one workflow slot, slots beside a tuner, versioning without a version),
// what the server would refuse at the first poll, and what cannot be meant.
func (w Workers) validate() error {
	for _, slots := range []struct {
		flag          string
		chosen, least int
	}{
		// With one slot the SDK would only poll its sticky queue, and never see a new workflow.
		{"workflow-slots", w.Slots.Workflow, 2},
		{"local-step-slots", w.Slots.LocalStep, 1},
		{"authorization-slots", w.Slots.Authorization, 1},
		{"nexus-slots", w.Slots.Nexus, 2}, // workflows too
		{"delivery-slots", w.Slots.Delivery, 1},
	} {
		switch {
		case slots.chosen == 0: // the default
		case w.tuned():
			return invalidFault(slots.flag, strconv.Itoa(slots.chosen),
				"slots are fixed, or follow --target-memory and --target-cpu: leave out one or the other")
		case slots.chosen < slots.least || slots.chosen > maxSlots:
			return invalidFault(slots.flag, strconv.Itoa(slots.chosen),
				fmt.Sprintf("use %d to %d", slots.least, maxSlots))
		}
	}
	for _, target := range []struct {
		flag   string
		chosen float64
	}{{"target-memory", w.TargetMemory}, {"target-cpu", w.TargetCPU}} {
		// The negation holds NaN off too. Nearly nothing would leave no slot to work with.
		if target.chosen != 0 && !(target.chosen >= 0.1 && target.chosen <= 1) {
			return invalidFault(target.flag, strconv.FormatFloat(target.chosen, 'g', -1, 64),
				"use a fraction from 0.1 to 1, for example 0.8")
		}
	}
	switch {
	case w.MaxPollers < 0 || w.MaxPollers > maxPollers:
		return invalidFault("max-pollers", strconv.Itoa(w.MaxPollers), fmt.Sprintf("use 1 to %d", maxPollers))
	case w.StickyCache < 0 || w.StickyCache > maxSticky:
		return invalidFault("sticky-cache", strconv.Itoa(w.StickyCache),
			fmt.Sprintf("use 0 to %d; 0 keeps no workflow in memory", maxSticky))
	}
	switch {
	case w.Versioning.BuildID != "" && !buildID.MatchString(w.Versioning.BuildID):
		return invalidFault("build-id", w.Versioning.BuildID,
			`use 1 to 128 of letters, digits, ".", "_", "+" and "-", beginning with a letter or digit`)
	case !w.Versioning.Enabled:
		return nil
	case !deploymentName.MatchString(w.Versioning.Deployment):
		return invalidFault("deployment-name", w.Versioning.Deployment,
			`use 1 to 128 of letters, digits, "_" and "-", beginning with a letter or digit`)
	case w.Versioning.BuildID == "":
		return invalidFault("build-id", "", "this binary was built without a revision: give a build ID of your own, or "+
			"turn --worker-versioning off")
	}
	return nil
}
