package main

import (
	"errors"
	"fmt"
	"os"

	"everleaf/app"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Report what is wrong with a configuration file; nothing is contacted, and nothing starts."`
}

// Help closes the text of everleaf config --help.
func (configCmd) Help() string { return exitCodes }

type configCheckCmd struct {
	Config string   `group:"acme" env:"EVERLEAF_CONFIG" required:"" placeholder:"PATH" help:"YAML file with issuers, delivery targets and the DNS zones of dns-01."`
	Roles  roleList `group:"roles" env:"EVERLEAF_ROLES" default:"${roles}" placeholder:"ROLE,…" help:"Read the file as a worker with these roles does: what none of them needs is not looked at."`
	outputFlag
}

// Help says what is looked at.
func (configCheckCmd) Help() string {
	return "Fields that do not exist, values of the wrong kind, presets and credentials of issuers, the settings of targets " +
		"and DNS zones, files that they name, and variables (${NAME}) that are not set here: run it where the worker runs, " +
		"with its environment. All problems are shown, one for each field. A program that is not on this host, or a variable " +
		"for it that is not set, is a warning, for the worker's host may have it: there, everleaf doctor takes it for a failure. " +
		"Exit codes: 0 the file can be used, 1 it cannot, 2 the command line is wrong."
}

// Run exits 1 if there is a problem.
func (c configCheckCmd) Run(k *kit) error {
	found := app.CheckFile(c.Config, c.Roles, app.Variable)
	for _, name := range []string{"EVERLEAF_ISSUER", "EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_EMAIL",
		"EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_TIMEOUT"} {
		if os.Getenv(name) != "" && (app.Config{Roles: c.Roles}).NeedsIssuers() {
			found.Problems = append(found.Problems, app.FileProblem{Message: name + " is set, and a worker takes its issuers from " +
				"the file alone: say it there and leave the variable out"})
		}
	}
	var problem error
	if n := len(found.Problems); n > 0 {
		problem = shownError{fmt.Errorf("%s in %s", counted(n, "problem"), c.Config)}
	}
	if c.Output == "json" {
		return errors.Join(k.json(found), problem)
	}
	for _, p := range found.Problems {
		if err := k.print("%s\n", plain(located(c.Config, p)+p.Message)); err != nil {
			return err
		}
	}
	for _, p := range found.Warnings {
		if err := k.print("%s\n", plain(located(c.Config, p)+"warning: "+p.Message)); err != nil {
			return err
		}
	}
	if problem != nil {
		return problem
	}
	return k.print("%s can be used by the roles %s: %s, %s, %s\n", plain(c.Config), app.JoinRoles(c.Roles),
		counted(len(found.Issuers), "issuer"), counted(len(found.Targets), "target"),
		counted(len(found.Zones), "DNS zone"))
}

// located is how a message about a place in a file begins.
func located(file string, p app.FileProblem) string {
	if p.Line > 0 {
		file = fmt.Sprintf("%s:%d", file, p.Line)
	}
	if p.Field != "" {
		file += ": " + p.Field
	}
	return file + ": "
}

// counted is "1 problem", "2 problems".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
