package demo

import (
	"fmt"

	"everleaf/cmd/devstack/internal/stack"
)

// Shell is how the programs are called from another shell.
type Shell struct {
	Everleaf, Devstack string
	// Stack is the stack's directory, or the link to it that devstack knows (Linked).
	Stack  string
	Linked bool
}

func (s Shell) settings() string { return ". " + s.Stack + "/env; " }

func (s Shell) everleaf(command string) string { return s.settings() + s.Everleaf + " " + command }

func (s Shell) temporal(command string) string {
	return s.settings() + s.Stack + "/temporal " + command
}

func (s Shell) devstack(command string) string {
	if !s.Linked {
		command += " --stack " + s.Stack
	}
	return s.Devstack + " " + command
}

// experiment is a line to paste into another shell, after what one will see.
type experiment struct{ see, line string }

// experiments are what the summary proposes, in any order; one that begins with Then goes with the one before it.
func (s Shell) experiments() []experiment {
	dead := "nowhere"
	return []experiment{
		{"Kill the worker. It is started again, and the certificate goes on where it was.",
			s.devstack("break worker")},
		{"The CA takes connections and answers nothing for 20 s. The renewal waits, and succeeds afterwards.",
			s.devstack("break ca 20s") + "; " + s.everleaf("cert renew "+name)},
		{"Kill the CA. It forgets the account and changes its root; the renewal registers again by itself.",
			s.devstack("break ca") + "; " + s.everleaf("cert renew "+name)},
		{"Postgres is away for 5 s. The list waits for it and is shown then; what is served stays as it is.",
			s.devstack("break postgres 5s") + "; " + s.everleaf("cert list")},
		{"Temporal is away for 5 s. The command says so and is repeated; no workflow is lost, and the renewal is done.",
			s.devstack("break temporal 5s") + "; " + s.settings() + "until " + s.Everleaf + " cert renew " + name +
				"; do sleep 2; done"},
		{"A name that leads nowhere. After half a minute it fails, and is explained: what to do, when it is tried again.",
			s.everleaf(fmt.Sprintf("cert ensure %s --name %s", dead, stack.Nowhere)) + "; " + s.Everleaf +
				" cert explain " + dead},
		{"Then its owner corrects the address, and the certificate is obtained.",
			s.devstack(fmt.Sprintf("dns %s 127.0.0.1", stack.Nowhere)) + "; " + s.everleaf("cert renew "+dead)},
		{"Revoke the certificate. It is replaced first: the serial changes, and the old one is revoked then.",
			s.everleaf("cert revoke " + name + " --reason superseded")},
		{"A second worker shares the work until Ctrl-C ends it.",
			s.settings() + "EVERLEAF_OPS_LISTEN=127.0.0.1:0 " + s.Everleaf +
				" worker --roles workflows,authorization,delivery"},
		{"Then the first worker is away for 20 s. For up to 10 s Temporal still asks that one, and Postgres answers instead; " +
			"then the second worker does.",
			s.devstack("break worker 20s") + "; " + s.everleaf("cert status "+name) + "; sleep 10; " + s.Everleaf +
				" cert status " + name},
	}
}

// BreakIt proposes experiments.
func (d *Demo) BreakIt() {
	d.Say("Break it: paste a line into another shell, in this folder.")
	for _, e := range d.Shell.experiments() {
		d.Say("")
		d.Say("  # %s", e.see)
		d.Say("  %s", e.line)
	}
	d.Say("")
}
