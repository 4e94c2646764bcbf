package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/alecthomas/kong"

	"everleaf/app"
)

// cli is the whole command line: the commands, and the settings that all of them have.
type cli struct {
	Worker     workerCmd     `cmd:"" help:"Run the worker: keep certificates until SIGTERM."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database schema, and the search attributes in Temporal, to this binary's version."`
	Cert       certCmd       `cmd:"" help:"Look after certificates."`
	Apply      applyCmd      `cmd:"" help:"Apply a file that describes many certificates."`
	Account    accountCmd    `cmd:"" help:"Look after the ACME accounts."`
	Doctor     doctorCmd     `cmd:"" help:"Look at everything that a worker depends on, and say what is wrong and what to do."`
	Config     configCmd     `cmd:"" help:"Look at the configuration file."`
	Process    processCmd    `cmd:"" help:"Look at the worker processes."`
	Reseal     resealCmd     `cmd:"" help:"Seal with the current sealing key, at once, what earlier ones have sealed."`
	ForgetLost forgetLostCmd `cmd:"" help:"Say what a lost sealing key has sealed, and forget it."`
	Completion completionCmd `cmd:"" help:"Print a script for a shell that completes commands, flags and their values."`
	Version    versionCmd    `cmd:"" help:"Print version, revision and Go version."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print what the command version prints."`
	logSettings
}

// Help closes the text of everleaf --help.
func (*cli) Help() string { return exitCodes }

type certCmd struct {
	Ensure  ensureCmd  `cmd:"" help:"Obtain a certificate, or add names, issuers or targets to an existing one; wait until it is issued. Repeating it is harmless."`
	Change  changeCmd  `cmd:"" help:"Change an existing certificate, and wait until the change is in service."`
	Spec    specCmd    `cmd:"" help:"Print what was asked for, as a file that cert ensure --spec reads."`
	Status  statusCmd  `cmd:"" help:"Show a certificate's status."`
	Explain explainCmd `cmd:"" help:"Show all that is known of a certificate, from Postgres alone: what is in service, what happens next, what happened."`
	List    listCmd    `cmd:"" help:"List the certificates in Postgres."`
	Renew   renewCmd   `cmd:"" help:"Replace a certificate now; wait until it is issued."`
	Revoke  revokeCmd  `cmd:"" help:"Replace a certificate, then revoke the one that was in service; wait until that is done."`
	Retire  retireCmd  `cmd:"" help:"Stop keeping a certificate: end its workflow, keep what is stored."`
	Export  exportCmd  `cmd:"" help:"Write the certificate in service and its private key to files."`
}

// Help closes the text of everleaf cert --help.
func (certCmd) Help() string {
	return exitCodes + " With --output json a failure is on stdout too, as {\"error\": {\"kind\", \"reason\", " +
		"\"message\", " +
		"\"retryAfter\"}}; retryAfter is in nanoseconds, and left out if nobody said how long to wait."
}

// kit is what commands work with; tests replace its parts.
type kit struct {
	in       io.Reader
	out, err io.Writer
	now      func() time.Time
	// poll is the pause between looks at a certificate's progress.
	poll time.Duration
	// terminal is the height of stdout in lines; ok is false if it is no terminal.
	terminal func() (height int, ok bool)

	worker  func(context.Context, app.Config, *slog.Logger) error
	migrate func(context.Context, app.Config) (from, to int64, err error)
	// migrateTemporal makes the search attributes known.
	migrateTemporal func(context.Context, app.Config, *slog.Logger) (added []string, err error)
	keeper          func(app.Config, *slog.Logger) (app.Editor, func(), error)
	timelines       func(context.Context, app.Config) (app.Timelines, func(), error)
	catalog         func(context.Context, app.Config) (app.Catalog, func(), error)
	accounts        func(context.Context, app.Config) ([]app.AccountRecord, error)
	explainAccount  func(ctx context.Context, c app.Config, issuer string, events int) (app.AccountTimeline, error)
	changeAccount   func(context.Context, app.Config, string, app.AccountChange, *slog.Logger) (app.AccountRecord,
		error)
	export    func(context.Context, app.Config, app.ExportRequest) (app.Exported, error)
	doctor    func(ctx context.Context, c app.Config, responderName string, logger *slog.Logger) []app.Finding
	processes func(context.Context, app.Config) ([]app.Process, error)
	reseal    func(ctx context.Context, c app.Config, progress func(done, of int)) (app.Resealed, error)
	// forgetLost forgets nothing unless forget says so.
	forgetLost func(ctx context.Context, c app.Config, forget bool) (app.LostSecrets, error)

	// failJSON asks for a failure on stdout too.
	failJSON bool
	// logger is made once the log settings are known.
	logger *slog.Logger
}

// exited carries kong's wish to exit (after --help) to run.
type exited int

// run parses, runs one command and returns the exit code.
func run(ctx context.Context, args []string, k kit) (code int) {
	defer func() {
		if wish, ok := recover().(exited); ok {
			code = int(wish)
		}
	}()
	dropEmpty()
	k.failJSON = wantsJSON(args)
	var c cli
	parser, err := newParser(ctx, &c, k)
	if err != nil {
		return k.fail(err)
	}
	if len(args) > 0 && args[0] == completeCommand {
		for _, word := range complete(parser.Model.Node, args[1:]) {
			_, _ = fmt.Fprintln(k.out, word) // a shell that has gone asks for nothing
		}
		return exitOK
	}
	k.warnUnknown(parser.Model)
	unread := readSecrets()
	command, err := parser.Parse(args)
	if err == nil {
		unread = unread.of(command.Flags())
	}
	switch {
	case len(unread) > 0: // what is missing, most likely
		return k.fail(usageError{unread[0]})
	case err != nil:
		return k.fail(usageError{explain(err)})
	}
	k.logger = app.NewLogger(k.err, c.config())
	return k.fail(command.Run(&k))
}

func newParser(ctx context.Context, c *cli, k kit) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("everleaf"),
		kong.Description("Everleaf keeps TLS certificates alive: one durable Temporal workflow per certificate obtains it "+
			"from an "+
			"ACME CA, stores it in Postgres and renews it in time. Every setting is a flag or an environment variable; the "+
			"flag wins."),
		kong.Vars{"version": version()}, settingVars(),
		kong.Writers(k.out, k.err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.ValueFormatter(describe),
		kong.ExplicitGroups(groups),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
}

// usageError is a command line or an environment that cannot be understood.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

var errInterrupted = errors.New("interrupted")
