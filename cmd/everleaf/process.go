package main

import (
	"cmp"
	"context"
	"strings"

	"everleaf/app"
)

type processCmd struct {
	List processListCmd `cmd:"" help:"List the worker processes that run, and what each works with."`
}

// Help closes the text of everleaf process --help.
func (processCmd) Help() string { return exitCodes }

type processListCmd struct {
	outputFlag
	postgresSettings
	startSettings
}

// Help says what counts as running.
func (processListCmd) Help() string {
	return "Each worker process says every few seconds that it is there. One that stops leaves the list; one that was " +
		"killed leaves it after " + app.ProcessGone.String() +
		". --output json shows all that is known: issuers with their " +
		"directories and profiles, targets, DNS zones, what of their settings is no secret, and the IDs of the sealing keys that the process opens."
}

// Run shows no secret: there is none in the table.
func (l processListCmd) Run(ctx context.Context, k *kit) error {
	var config app.Config
	l.postgresSettings.apply(&config)
	l.startSettings.apply(&config)
	processes, err := k.processes(ctx, config)
	if err != nil {
		return err
	}
	if l.Output == "json" {
		return k.json(append([]app.Process{}, processes...)) // [] and not null
	}
	rows := make([][]string, 0, len(processes))
	for _, p := range processes {
		var issuers, targets []string
		for _, issuer := range p.Issuers {
			issuers = append(issuers, issuer.Name)
		}
		for _, target := range p.Targets {
			targets = append(targets, target.String())
		}
		rows = append(rows, []string{p.ID, strings.Join(p.Roles, ","), orDash(p.TaskQueue), orDash(p.Build),
			k.moment(p.StartedAt), k.moment(p.SeenAt), orDash(strings.Join(issuers, ",")),
			orDash(strings.Join(targets, ",")),
			orDash(p.SealsWith)})
	}
	return k.rows("PROCESS\tROLES\tTASK QUEUE\tBUILD\tSTARTED\tSEEN\tISSUERS\tTARGETS\tSEALS WITH\n", rows)
}

func orDash(text string) string { return cmp.Or(text, "-") }
