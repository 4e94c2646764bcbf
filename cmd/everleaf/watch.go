package main

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"everleaf/app"
)

// watch shows the list again and again: on a terminal as much as fits on it, elsewhere a line for each change.
func (l listCmd) watch(ctx context.Context, k *kit, catalog app.Catalog) error {
	look := l.changes(k, catalog)
	if _, ok := k.terminal(); ok {
		look = func(ctx context.Context) error { return l.redraw(ctx, k, catalog) }
	}
	said := ""
	for {
		err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case err == nil:
			said = ""
		case err.Error() != said: // Postgres restarts, most likely
			said = err.Error()
			_, _ = fmt.Fprintln(k.err, "everleaf: "+k.readable(message(err)))
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-time.After(time.Duration(l.Interval)):
		}
	}
}

// changes prints each certificate when it is first seen, when it has changed, and when it is gone from the list. Of
// each it remembers a few octets.
func (l listCmd) changes(k *kit, catalog app.Catalog) func(context.Context) error {
	type seen struct {
		cells uint64
		pass  int
	}
	seed, known, pass, columns := maphash.MakeSeed(), map[string]seen{}, 0, k.columns()
	rows := [][]string{l.header()}
	return func(ctx context.Context) error {
		pass++
		for list, err := range l.pages(ctx, k, catalog, l.Limit) {
			if err != nil {
				return err
			}
			for _, c := range list {
				// By another clock: what is relative to now changes all the time.
				timeless := *k
				timeless.now = func() time.Time { return time.Time{} }
				cells := maphash.String(seed, strings.Join(timeless.listed(c, true), "\x00"))
				if known[c.Name].cells != cells {
					rows = append(rows, k.listed(c, l.Output == "wide"))
				}
				known[c.Name] = seen{cells, pass}
			}
			if err := columns.print(rows); err != nil {
				return err
			}
			rows = nil
		}
		for name, s := range known {
			if s.pass != pass {
				delete(known, name)
				if err := columns.print([][]string{{name, "gone from this list"}}); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// redraw fills the terminal.
func (l listCmd) redraw(ctx context.Context, k *kit, catalog app.Catalog) error {
	const (
		home    = "\x1b[H"
		clear   = "\x1b[K"
		toEnd   = "\x1b[J"
		overall = 2 // the header, and the line at the end
	)
	height, _ := k.terminal()
	room := max(height-overall-1, 1)
	limit := room + 1
	if l.Limit > 0 {
		limit = min(l.Limit, limit)
	}
	rows, more := [][]string{l.header()}, false
	for list, err := range l.pages(ctx, k, catalog, limit) {
		if err != nil {
			return err
		}
		for _, c := range list {
			if more = len(rows) > room; !more {
				rows = append(rows, k.listed(c, l.Output == "wide"))
			}
		}
	}
	var screen bytes.Buffer
	if err := (&columns{out: &screen}).print(rows); err != nil {
		return err
	}
	last := "as of " + k.now().UTC().Format(instant)
	if more {
		last += "; there are more than fit here: choose some with --state, --name or another filter"
	}
	text := home + strings.ReplaceAll(screen.String(), "\n", clear+"\n") + last + clear + toEnd
	return k.print("%s", text)
}
