package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"everleaf/app"
)

// maxParallel is as many as a file may have at work at a time.
const maxParallel = 256

type applyCmd struct {
	File     string `short:"f" required:"" placeholder:"FILE" help:"What is wanted, YAML or JSON; - for standard input."`
	Prune    bool   `help:"Retire the certificates that an earlier apply of the same fleet made, and that the file does not list any more. Needs Postgres."`
	PruneAll bool   `help:"Let --prune retire more than half of the fleet, too."`
	DryRun   bool   `help:"Print the plan alone; start and change nothing."`
	Parallel int    `default:"8" placeholder:"N" help:"How many certificates at a time."`
	waitFlag
	outputFlag
	temporalSettings
	storedSettings
}

// Help shows a file.
func (applyCmd) Help() string {
	return "A file says what is wanted of many certificates: fleet: NAME, which marks them as the file's; defaults: {SPEC}; " +
		"certificates: {NAME: {SPEC}, …}. A certificate's own fields override the defaults. Each spec is the whole one: " +
		"what is left out returns to its default. The plan is printed first; --timeout is for each certificate. Applied again, " +
		"it goes on where it was interrupted. Nothing is retired without --prune, nor if a certificate failed, and what is " +
		"retired stays at its targets. What is being retired already is left to that."
}

// Run prints the plan, carries it out and sums up.
func (a applyCmd) Run(ctx context.Context, k *kit) error {
	file, err := a.read(k)
	if err != nil {
		return err
	}
	var config app.Config
	a.storedSettings.apply(&config)
	keeper, closer, err := k.open(a.temporalSettings)
	if err != nil {
		return err
	}
	defer closer()
	stored, closeStored := k.stored(config)
	defer closeStored()
	find := func(ctx context.Context, name string) (app.Held, error) {
		return app.Answered(ctx, func(ctx context.Context) (app.Held,
			error) {
			return app.Find(ctx, keeper, stored, name)
		})
	}
	plan, err := a.plan(ctx, k, find, config, file)
	switch {
	case err != nil:
		return err
	case a.Prune && !a.PruneAll && plan.RetiresMost():
		if err := k.plan(plan, a.Output); err != nil {
			return err
		}
		return shownError{errors.New("--prune would retire more than half of the fleet, as a file that was cut off " +
			"would: nothing was changed; --prune-all does it")}
	case a.DryRun:
		return k.plan(plan, a.Output)
	}
	if a.Output != "json" {
		if err := k.plan(plan, a.Output); err != nil {
			return err
		}
	}
	failed := plan.Apply(ctx, keeper, a.Parallel, time.Duration(a.Timeout), find, k.applied)
	if a.Output == "json" {
		if err := k.json(plan); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil:
		return shownError{fmt.Errorf("%w; what was begun goes on, and the same command goes on with the rest",
			errInterrupted)}
	case failed > 0:
		left := ""
		if n := plan.Count(app.PlanRetire); n > 0 {
			left = fmt.Sprintf(" Of the %d to retire, %d were retired.", n, plan.Retired())
		}
		return shownError{fmt.Errorf("%d of %s failed.%s Once that is solved, the same command goes on",
			failed, certificates(len(plan.Certificates)), left)}
	}
	listed := len(plan.Certificates) - plan.Count(app.PlanRetire)
	said := "all " + certificates(listed) + " are as the file says"
	if listed == 1 {
		said = "the certificate is as the file says"
	}
	_, _ = fmt.Fprintln(k.err, said)
	return nil
}

// certificates counts them in words.
func certificates(n int) string {
	if n == 1 {
		return "1 certificate"
	}
	return fmt.Sprintf("%d certificates", n)
}

// read refuses what cannot be carried out before anybody is asked.
func (a applyCmd) read(k *kit) (app.Fleet, error) {
	if a.Parallel < 1 || a.Parallel > maxParallel {
		return app.Fleet{}, usageError{fmt.Errorf("--parallel %d cannot work: use a whole number from 1 to %d",
			a.Parallel, maxParallel)}
	}
	content, source, err := k.readFile(a.File)
	if err != nil {
		return app.Fleet{}, err
	}
	file, err := app.ReadFleet(source, content)
	switch {
	case err != nil:
		return app.Fleet{}, err
	case (a.Prune || a.PruneAll) && file.Name == "":
		return app.Fleet{}, usageError{fmt.Errorf("%s: --prune needs fleet: NAME, by which the certificates that it made are found",
			source)}
	case a.PruneAll && !a.Prune:
		return app.Fleet{}, usageError{errors.New("--prune-all says how far --prune may go: give both")}
	case a.Prune && a.StoredURL == "":
		return app.Fleet{}, usageError{errors.New("--prune reads from Postgres what the fleet has: give EVERLEAF_POSTGRES_URL")}
	}
	return file, nil
}

func (a applyCmd) plan(ctx context.Context, k *kit, find func(context.Context, string) (app.Held, error),
	config app.Config, file app.Fleet) (app.Plan, error) {
	looking, cancel := context.WithTimeout(ctx, time.Duration(a.Timeout))
	defer cancel()
	var pruned func(context.Context, string) ([]app.Record, error)
	if a.Prune {
		catalog, closer, err := k.catalog(ctx, config)
		if err != nil {
			return app.Plan{}, err
		}
		defer closer()
		pruned = catalog.OfFleet
	}
	plan, err := app.PlanFleet(looking, file, a.Parallel, find, pruned)
	switch {
	case ctx.Err() != nil:
		return plan, errInterrupted
	case looking.Err() != nil:
		return plan, timeoutError{fmt.Errorf("no plan after %s, and nothing was changed: not every workflow has answered",
			time.Duration(a.Timeout))}
	case err != nil || config.Postgres.URL == "":
		return plan, err
	}
	processes, err := k.processes(looking, config)
	if err != nil {
		return plan, err
	}
	return plan, plan.Check(processes, a.TaskQueue)
}

// plan prints what is to be done: a line for each certificate that is not as it should be.
func (k kit) plan(p app.Plan, output string) error {
	if output == "json" {
		return k.json(p)
	}
	var rows [][]string
	issued := 0
	for _, c := range p.Certificates {
		if c.Issues {
			issued++
		}
		if c.Action == app.PlanUnchanged {
			continue
		}
		issues := "-"
		if c.Issues {
			issues = "a certificate"
		}
		rows = append(rows, []string{string(c.Action), c.Name, issues, strings.Join(c.Changes, "; ")})
	}
	if len(rows) > 0 {
		if err := k.rows("ACTION\tNAME\tISSUES\tCHANGES\n", rows); err != nil {
			return err
		}
	}
	var counts []string
	for _, action := range []app.PlanAction{app.PlanCreate, app.PlanResume, app.PlanChange, app.PlanWait,
		app.PlanUnchanged, app.PlanRetire} {
		if n := p.Count(action); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, action))
		}
	}
	return k.print("%s: %s; %d to be issued\n", certificates(len(p.Certificates)), strings.Join(counts, ", "), issued)
}

// applied reports one certificate on stderr.
func (k kit) applied(c app.Planned, s app.Status) {
	line := fmt.Sprintf("%s: %s: done", c.Name, c.Action)
	switch {
	case c.Fault != nil:
		line = fmt.Sprintf("%s: %s: failed: %s (%s/%s)", c.Name, c.Action, c.Fault.Message, c.Fault.Kind,
			c.Fault.Reason)
	case s.Issued != nil && c.Action != app.PlanRetire:
		line += ", in service until " + k.moment(s.Issued.NotAfter)
	}
	_, _ = fmt.Fprintln(k.err, k.readable(line))
}
