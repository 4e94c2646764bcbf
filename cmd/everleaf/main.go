// Command everleaf starts: the worker, the migrations, and a caller's view of certificates. It parses settings and
// shows results; all else is package app's.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"everleaf/app"
)

func main() {
	os.Exit(start(os.Args[1:], os.Stdout, os.Stderr))
}

// terminal is the height of a terminal in lines; ok is false if out is none.
func terminal(out io.Writer) (height int, ok bool) {
	file, ok := out.(*os.File)
	if !ok {
		return 0, false
	}
	_, height, err := term.GetSize(int(file.Fd()))
	return height, err == nil
}

// start lets SIGINT and SIGTERM end the context, so that every command ends cleanly.
func start(args []string, out, err io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, kit{
		in: os.Stdin, out: out, err: err, now: time.Now, poll: time.Second,
		terminal: func() (int, bool) { return terminal(out) },
		worker:   app.RunWorker, migrate: app.Migrate, migrateTemporal: app.MigrateTemporal, keeper: app.OpenKeeper,
		catalog: app.OpenCatalog, export: app.Export,
		accounts: app.ListAccounts, explainAccount: app.ExplainAccount, changeAccount: app.ChangeAccount,
		processes: app.ListProcesses, doctor: app.Doctor,
		reseal: app.Reseal, forgetLost: app.ForgetLost, timelines: app.OpenTimelines,
	})
}
