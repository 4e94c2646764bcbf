package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"everleaf/app"
)

// ensure calls what ensures a certificate, with progress, and says what became of one that was there. call also says
// how that was found.
func (k kit) ensure(ctx context.Context, name string, flags editFlags,
	call func(context.Context, app.Editor, finder) (status app.Status, held app.Held, err error)) error {
	config := flags.config()
	stored, closer := k.stored(config)
	defer closer()
	return k.awaitEdit(ctx, flags.temporalSettings, name, flags.waitFlag, flags.outputFlag,
		func(ctx context.Context, keeper app.Editor) (app.Status, error) {
			find := func(ctx context.Context) (app.Held, error) {
				held, err := app.Answered(ctx, func(ctx context.Context) (app.Held, error) {
					return app.Find(ctx, keeper, stored, name)
				})
				if config.Postgres.URL == "" && reasonOf(err) == app.ReasonWorkflowEnded {
					err = fmt.Errorf("%w with the spec that it had if it may ask Postgres (EVERLEAF_POSTGRES_URL), or with a whole new "+
						"one (--replace, --spec)", err)
				}
				return held, err
			}
			status, held, err := call(ctx, keeper, find)
			if config.Postgres.URL == "" && !held.Known && reasonOf(err) == app.ReasonGenerationConflict {
				err = fmt.Errorf("%w: it was kept before; give EVERLEAF_POSTGRES_URL, where its spec is read, or a whole new one "+
					"(--replace, --spec)", err)
			}
			if err == nil && held.Known && !status.DryRun && flags.Output != "json" {
				if said := became(held, status); said != "" {
					_, _ = fmt.Fprintf(k.err, "%s: %s\n", name, said)
				}
			}
			if err == nil && flags.WaitForDeliveries && !status.DryRun {
				return k.delivered(ctx, keeper, status)
			}
			return status, withRenew(err, name)
		})
}

// became says what an ensure did with a certificate that there was: the changes are in the status.
func became(held app.Held, status app.Status) string {
	before := held.Status.Issued
	switch {
	case held.Kept && len(status.Changes) == 0:
		return "nothing to change: the spec is as requested already"
	case held.Kept:
		return ""
	case before != nil && status.Issued != nil && before.Version == status.Issued.Version:
		return "nobody kept it, and it is kept in service again: what it has serves, and nothing was issued"
	default:
		return "nobody kept it, and it is kept in service again: a certificate was issued"
	}
}

// stored reads from Postgres, and opens it for the first certificate that it has to; nil without a database. Call
// closer when done.
func (k kit) stored(config app.Config) (app.Stored, func()) {
	if config.Postgres.URL == "" {
		return nil, func() {}
	}
	var mu sync.Mutex
	var timelines app.Timelines
	closer := func() {}
	open := func(ctx context.Context) (app.Timelines, error) {
		mu.Lock()
		defer mu.Unlock()
		if timelines != nil {
			return timelines, nil
		}
		opened, done, err := k.timelines(ctx, config)
		if err == nil {
			timelines, closer = opened, done
		}
		return opened, err
	}
	read := func(ctx context.Context, name string) (app.Record, error) {
		timelines, err := open(ctx)
		if err != nil {
			return app.Record{}, err
		}
		timeline, err := timelines.Timeline(ctx, name, 0)
		return timeline.CertificateRecord, err
	}
	return read, func() { closer() }
}

func reasonOf(err error) app.Reason {
	if fault := (*app.Fault)(nil); errors.As(err, &fault) {
		return fault.Reason
	}
	return ""
}

// refusedName adds to a refusal of a name which flag has the way out. named reports whether somebody gave the names.
func refusedName(err error, certificate string, named bool) error {
	fault := (*app.Fault)(nil)
	switch {
	case !errors.As(err, &fault):
		return err
	case fault.Reason == app.ReasonWildcardNeedsDNS01:
		return fmt.Errorf("%w: add --challenge dns-01", err)
	case !named && strings.HasPrefix(fault.Message, "names[0] "):
		return fmt.Errorf("%w. Without --name, a new certificate is for its own name, %q: give the DNS name with --name", err,
			certificate)
	default:
		return err
	}
}

// changedSince adds to the refusal of a file that was made from an older spec how to go on.
func changedSince(err error, certificate string, expected *int64) error {
	if expected == nil || reasonOf(err) != app.ReasonGenerationConflict {
		return err
	}
	return fmt.Errorf("%w: everleaf cert spec %s prints what is in force; without its line expectedGeneration, the file replaces "+
		"whatever there is", err, certificate)
}

// readSpec reads a file with a spec; "-" is standard input.
func (k kit) readSpec(path string) (app.SpecFile, error) {
	content, source, err := k.readFile(path)
	if err != nil {
		return app.SpecFile{}, err
	}
	return app.ReadSpec(source, content)
}

// readFile reads a file, or standard input if it is called "-". source is what messages call it.
func (k kit) readFile(path string) (content []byte, source string, err error) {
	if path == "-" {
		content, err = io.ReadAll(k.in)
		return content, "standard input", err
	}
	content, err = os.ReadFile(path)
	if err != nil {
		return nil, path, usageError{err}
	}
	return content, path, nil
}

type specCmd struct {
	nameArg
	Output string `short:"o" enum:"yaml,json" default:"yaml" placeholder:"yaml|json" help:"How it is written."`
	temporalSettings
	storedSettings
}

// Run asks the workflow, and Postgres for a certificate that none keeps.
func (s specCmd) Run(ctx context.Context, k *kit) error {
	keeper, closer, err := k.open(s.temporalSettings)
	if err != nil {
		return err
	}
	defer closer()
	var config app.Config
	s.storedSettings.apply(&config)
	stored, done := k.stored(config)
	defer done()
	held, err := app.Find(ctx, keeper, stored, s.Name)
	switch {
	case err != nil:
		return err
	case !held.Known:
		return app.UnknownCertificate(s.Name)
	}
	file := app.SpecFile{Spec: held.Spec}
	if held.Generation > 0 { // Postgres has counted it
		file.ExpectedGeneration = &held.Generation
	}
	if s.Output == "json" {
		return k.json(file)
	}
	text, err := app.WriteSpec(file)
	if err != nil {
		return err
	}
	return k.print("%s", text)
}

// proposed prints what a dry run found.
func (k kit) proposed(s app.Status) error {
	issues := "no certificate would be issued"
	if s.WouldIssue {
		issues = "a certificate would be issued"
	}
	if len(s.Changes) == 0 {
		issues = "nothing would change"
	}
	rows := [][]string{{"Certificate", s.Name}, {"Dry run", issues + "; nothing was started or changed"}}
	for _, change := range slices.Clone(s.Changes) {
		rows = append(rows, []string{"Would change", change})
	}
	return k.rows("", rows)
}
