package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"everleaf/cmd/devstack/internal/proc"
	"everleaf/cmd/devstack/internal/stack"
	"everleaf/cmd/devstack/internal/tools"
)

// The tools of this module are built wherever the program runs, from these.
var (
	//go:embed go.mod
	goMod []byte
	//go:embed go.sum
	goSum []byte
)

type cli struct {
	Run   runCmd   `cmd:"" help:"Start the stack and Everleaf's worker, obtain a certificate and watch it being renewed."`
	Up    upCmd    `cmd:"" help:"Start only the servers and print the settings for using them."`
	Exec  execCmd  `cmd:"" help:"Run a command beside a Postgres and a Temporal dev server, with EVERLEAF_TEST_* set."`
	Break breakCmd `cmd:"" help:"End a part of the running stack, or stop it for a while, and see what becomes of the certificates."`
	DNS   dnsCmd   `cmd:"" name:"dns" help:"Set the address of a DNS name on the running stack: a name that leads nowhere fails validation."`
	Flake flakeCmd `cmd:"" help:"Run tests again and again, and count per test how often it failed and how long it took at most."`
	Tools toolsCmd `cmd:"" help:"Print the path of a tool, after building or installing it if need be."`
	Guard guardCmd `cmd:"" hidden:"" help:"End what a killed devstack left behind (devstack starts this itself)."`
}

// exit is an error that only sets the exit code: what there is to say has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return i.signal.String() }

func main() {
	os.Exit(run())
}

func run() int {
	app := kong.Parse(&cli{}, kong.Name("devstack"), kong.UsageOnError(),
		kong.Vars{"parts": strings.Join(stack.Parts(), ",")}, kong.Description("The local stack of Everleaf: "+
			"Postgres, a Temporal dev server and an ACME CA (Pebble) on 127.0.0.1. When devstack ends, nothing of it is left but logs."))
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	// Nobody resets this: a second Ctrl-C does not cut the clean stop short, which is bounded.
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() { cancel(interrupted{<-signals}) }()

	app.BindTo(ctx, (*context.Context)(nil))
	err := app.Run()
	var code exit
	var sig interrupted
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &sig):
		fmt.Fprintf(os.Stderr, "devstack: stopped (%s)\n", sig)
		if s, ok := sig.signal.(syscall.Signal); ok {
			return 128 + int(s)
		}
		return 1
	}
	fmt.Fprintf(os.Stderr, "devstack: %v\n", err)
	return 1
}

// newBox starts the supervision of processes and knows where the tools are kept. Its Procs must be stopped.
func newBox(say tools.Say, out *os.File) (*tools.Box, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cache, err := tools.CacheDir()
	if err != nil {
		return nil, err
	}
	procs, err := proc.NewGroup(self, "guard")
	if err != nil {
		return nil, err
	}
	return &tools.Box{Dir: filepath.Join(cache, "tools"), GoMod: goMod, GoSum: goSum, Procs: procs, Say: say,
		Terminal: tools.Terminal(out)}, nil
}

func sayTo(f *os.File) tools.Say {
	return func(format string, args ...any) { _, _ = fmt.Fprintf(f, format+"\n", args...) }
}

type guardCmd struct{}

func (guardCmd) Run() error {
	proc.Guard(os.Stdin)
	return nil
}

type toolsCmd struct {
	Name string `arg:"" help:"One of temporal, pebble, pebble-challtestsrv, step-ca, golangci-lint, workflowcheck, buildah, podman, runc, nginx, haproxy, named."`
}

func (c toolsCmd) Run(ctx context.Context) error {
	box, err := newBox(sayTo(os.Stderr), os.Stderr)
	if err != nil {
		return err
	}
	defer box.Procs.Stop()
	path, err := box.Path(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Println(path)
	return err
}
