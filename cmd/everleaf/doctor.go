package main

import (
	"context"
	"errors"
	"fmt"

	"everleaf/app"
)

type doctorCmd struct {
	ResponderName string `group:"http01" placeholder:"NAME[:PORT]" help:"Also check that a responder answers at this DNS name, as a CA does, at port 80 unless another is given: a name whose certificate is to be validated by http-01. It is looked up as the check of http-01 does: see --http01-check-resolver."`
	workerSettings
	outputFlag
}

// Help says what is tried.
func (doctorCmd) Help() string {
	return "Run it with the worker's settings, where the worker is to run. Looks are made side by side, each within 20 " +
		"seconds: Temporal and its namespace, search attributes, the task queues and who polls them; Postgres, its schema, " +
		"rights and clock; the sealing key; CAs, their accounts and clocks; DNS zones, by a TXT record that is removed again; " +
		"targets, without a delivery; programs of targets and zones; whether the processes that run are configured alike; and " +
		"whether they have each issuer and target that certificates ask for. " +
		"Exit codes: 0 nothing fails, 1 something does, 2 the settings are wrong."
}

// Run exits 1 if something fails; what is only to be known does not count.
func (d doctorCmd) Run(ctx context.Context, k *kit) error {
	config, err := d.config()
	if err != nil {
		return err
	}
	findings := k.doctor(ctx, config, d.ResponderName, k.logger)
	failed := 0
	for _, finding := range findings {
		if finding.Verdict == app.VerdictFail {
			failed++
		}
	}
	var problem error
	if failed > 0 {
		problem = shownError{fmt.Errorf("%s of %d looked at", counted(failed, "failure"), len(findings))}
	}
	if d.Output == "json" {
		return errors.Join(k.json(findings), problem)
	}
	for _, finding := range findings {
		if err := k.print("%-4s  %s: %s\n", finding.Verdict, plain(finding.Subject),
			plain(finding.Detail)); err != nil {
			return err
		}
	}
	return problem
}
