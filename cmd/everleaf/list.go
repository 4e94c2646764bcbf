package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"everleaf/app"
)

// page is how many certificates one query of list looks at.
const page = 500

type listCmd struct {
	State          string   `enum:",Issuing,Ready,Failing,Revoked,Retiring,Released" default:"" placeholder:"STATE" help:"Only those in this state: Issuing, Ready, Failing, Revoked (in service all the same), Retiring (retired, and something is left to do) or Released (nobody keeps them any more)."`
	Issuer         string   `placeholder:"NAME" help:"Only those that this issuer has issued, or is to issue first."`
	Tenant         string   `placeholder:"NAME" help:"Only this tenant's; without one in the spec, that is the registered domain of the first name."`
	ExpiringWithin duration `placeholder:"DURATION" help:"Only those that are valid for no longer than this, for example 30d or 12h."`
	Name           string   `placeholder:"PATTERN" help:"Only those whose name, or a DNS name, matches as a whole; * is any text, ? is one character."`
	Limit          int      `placeholder:"N" help:"No more than so many; without it all."`
	All            bool     `help:"Those that nobody keeps any more, too."`
	Watch          bool     `short:"w" help:"Go on, and show what changes, until interrupted."`
	Interval       duration `default:"5s" placeholder:"DURATION" help:"How often --watch looks."`
	Output         string   `short:"o" enum:"table,wide,json" default:"table" placeholder:"table|wide|json" help:"Result for people, with more columns, or for programs."`
	postgresSettings
	startSettings
}

// Help says what a list costs.
func (listCmd) Help() string {
	return "Certificates come in order of name, as they are read: a list of any length needs little memory. Except for " +
		"--state other than Ready, a filter is compared with each certificate in turn, which takes seconds for 100,000. " +
		"A row in Postgres that cannot be read is shown with what is wrong, and the exit code is 1 at the end."
}

// Run reads page by page, so that a list of any length holds up nobody in the database.
func (l listCmd) Run(ctx context.Context, k *kit) error {
	switch {
	case l.Limit < 0:
		return usageError{fmt.Errorf("--limit %d cannot work: use a whole number above 0", l.Limit)}
	case l.Watch && l.Output == "json":
		return usageError{fmt.Errorf("--watch is for people: leave out --output json")}
	}
	var config app.Config
	l.postgresSettings.apply(&config)
	l.startSettings.apply(&config)
	catalog, closer, err := k.catalog(ctx, config)
	if err != nil {
		return err
	}
	defer closer()
	switch {
	case l.Watch:
		return l.watch(ctx, k, catalog)
	case l.Output == "json":
		return l.array(ctx, k, catalog)
	default:
		return l.table(ctx, k, catalog)
	}
}

// pages reads the list, up to limit certificates if that is above zero.
func (l listCmd) pages(ctx context.Context, k *kit, catalog app.Catalog, limit int) iter.Seq2[[]app.Listed, error] {
	filter := app.CertificateFilter{State: app.Phase(l.State), Issuer: l.Issuer, Tenant: l.Tenant, Pattern: l.Name,
		Released: l.All}
	if l.ExpiringWithin > 0 {
		filter.ExpiringBefore = k.now().Add(time.Duration(l.ExpiringWithin))
	}
	return func(yield func([]app.Listed, error) bool) {
		for left, after := limit, ""; ; {
			found, err := catalog.List(ctx, filter, after, page)
			if err != nil {
				yield(nil, err)
				return
			}
			list := found.Certificates
			if limit > 0 {
				list = list[:min(left, len(list))]
				left -= len(list)
			}
			if !yield(list, nil) || found.Next == "" || limit > 0 && left == 0 {
				return
			}
			after = found.Next
		}
	}
}

// table prints for people.
func (l listCmd) table(ctx context.Context, k *kit, catalog app.Catalog) error {
	columns, malformed := k.columns(), 0
	rows := [][]string{l.header()}
	for list, err := range l.pages(ctx, k, catalog, l.Limit) {
		if err != nil {
			return err
		}
		for _, c := range list {
			malformed += count(c)
			rows = append(rows, k.listed(c, l.Output == "wide"))
		}
		if err := columns.print(rows); err != nil {
			return err
		}
		rows = nil
	}
	return malformedError(malformed)
}

// array prints for programs: one valid array, also if the reading ends in the middle; its last element is the failure
// then, in the shape of every failure.
func (l listCmd) array(ctx context.Context, k *kit, catalog app.Catalog) error {
	malformed, next := 0, "[\n  "
	element := func(value any) error {
		text, err := json.MarshalIndent(value, "  ", "  ")
		if err != nil {
			return err
		}
		between := next
		next = ",\n  "
		return k.print("%s%s", between, text)
	}
	for list, err := range l.pages(ctx, k, catalog, l.Limit) {
		if err != nil {
			if next == "[\n  " {
				return err
			}
			_ = element(failed(err, exitCode(err)))
			_ = k.print("\n]\n")
			return shownError{err}
		}
		for _, c := range list {
			malformed += count(c)
			if err := element(c); err != nil {
				return err
			}
		}
	}
	end := "\n]\n"
	if next == "[\n  " {
		end = "[]\n" // and not null
	}
	if err := k.print("%s", end); err != nil {
		return err
	}
	return malformedError(malformed)
}

func count(c app.Listed) int {
	if c.Malformed != "" {
		return 1
	}
	return 0
}

// malformedError says how many rows could not be read. They are on stdout already.
func malformedError(count int) error {
	if count == 0 {
		return nil
	}
	return shownError{fmt.Errorf("rows that cannot be read: %d; the list says what is wrong with them (PROBLEM, malformed): "+
		"somebody has edited them, or they are a newer release's", count)}
}
