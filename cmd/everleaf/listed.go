package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"everleaf/app"
)

const (
	// maxProblem is how much of a problem the narrow table shows, in characters.
	maxProblem = 80
	// overdueAfter is how long after its instant a renewal or try is worth a word: workers start them within seconds.
	overdueAfter = 10 * time.Minute
)

func (l listCmd) header() []string {
	header := []string{"NAME", "STATE", "NAMES", "DELIVERED", "EXPIRES", "RENEWS", "PROBLEM"}
	if l.Output == "wide" {
		header = []string{"NAME", "STATE", "NAMES", "DELIVERED", "EXPIRES", "RENEWS", "ISSUER", "TENANT", "SERIAL",
			"PROBLEM"}
	}
	return header
}

// listed are the cells of a certificate, in the header's order.
func (k kit) listed(c app.Listed, wide bool) []string {
	names, expires, renews, issuer, serial := c.Spec.Names, "-", "-", "-", "-"
	if c.Issued != nil {
		names, issuer, serial, expires = c.Issued.Names, c.Issued.Issuer, c.Issued.Serial, k.moment(c.Issued.NotAfter)
	} else if len(c.Spec.Issuers) > 0 {
		issuer = c.Spec.Issuers[0]
	}
	if c.Renewal != nil && c.Retirement == "" {
		renews = k.moment(c.Renewal.At)
	}
	problem := k.readable(k.listedProblem(c))
	if wide {
		return []string{c.Name, string(c.State), strings.Join(names, ","), delivered(c), expires, renews, issuer,
			dash(app.TenantOf(c.Spec)), serial, problem}
	}
	first := "-"
	if len(names) > 0 {
		first = names[0]
	}
	if len(names) > 1 {
		first += fmt.Sprintf(" +%d", len(names)-1)
	}
	return []string{c.Name, string(c.State), first, delivered(c), expires, renews, short(problem, maxProblem)}
}

// delivered counts targets: how many of those that are to have the certificate have it, and how many fail.
func delivered(c app.Listed) string {
	d := c.Delivered
	text := fmt.Sprintf("%d/%d", d.Current, d.Targets)
	if d.Targets == 0 {
		text = "-"
	}
	if d.Failing > 0 {
		text += fmt.Sprintf(", %d failing", d.Failing)
	}
	return text
}

// listedProblem is what matters most of what is wrong. A certificate in service that has expired is a problem at once.
func (k kit) listedProblem(c app.Listed) string {
	wrong := k.otherProblem(c)
	expired := c.Issued != nil && !c.Issued.NotAfter.IsZero() && !c.Issued.NotAfter.After(k.now())
	switch {
	case !expired, c.Malformed != "", c.ReleasedAt != nil, c.Retirement != "":
		return wrong
	case wrong == "-":
		return "expired: everleaf cert status " + c.Name + " says why"
	default:
		return "expired; " + wrong
	}
}

// otherProblem is what is wrong beside the certificate's end.
func (k kit) otherProblem(c app.Listed) string {
	switch f := c.Failure; {
	case c.Malformed != "":
		return "malformed row: " + c.Malformed
	case c.ReleasedAt != nil:
		return "-"
	case c.Retirement != "" && c.Delivered.Failure != nil && c.Delivered.Failure.Failure.OfRemoval():
		return undelivered(c.Delivered.Failure)
	case c.Retirement != "" && c.Unrevoked != nil:
		return unrevoked(c.Unrevoked)
	case c.Retirement != "":
		return "-"
	case f != nil && k.overdue(f.RetryAt):
		return due("next try", c.Name) + "; " + problem(f)
	case f != nil:
		return problem(f)
	case c.RevokedAt != nil:
		return "to replace it: everleaf cert renew " + c.Name
	case c.Renewal != nil && k.overdue(c.Renewal.At):
		return due("renewal", c.Name)
	case c.Delivered.Failure != nil:
		return undelivered(c.Delivered.Failure)
	case c.Unrevoked != nil:
		return unrevoked(c.Unrevoked)
	default:
		return "-"
	}
}

func undelivered(d *app.Delivery) string {
	if d.Failure.OfRemoval() {
		return d.Target + " cannot be cleared: " + problem(d.Failure)
	}
	return d.Target + ": " + problem(d.Failure)
}

func unrevoked(f *app.Failure) string { return "cannot be revoked: " + problem(f) }

func (k kit) overdue(at time.Time) bool { return !at.IsZero() && k.now().Sub(at) > overdueAfter }

// due says that what is to happen does not: either something is waited for, or there is no workflow any more.
func due(what, name string) string {
	return what + " is overdue: everleaf cert status " + name + " says why"
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// short is the beginning of text, of at most limit characters.
func short(text string, limit int) string {
	text = plain(text)
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:limit-1]), " ") + "…"
}

// columns prints rows as they come: each column is as wide as its widest cell so far.
type columns struct {
	out    io.Writer
	widths []int
}

func (k kit) columns() *columns { return &columns{out: k.out} }

func (c *columns) print(rows [][]string) error {
	for _, row := range rows {
		for i, cell := range row {
			row[i] = plain(cell)
			if i == len(c.widths) {
				c.widths = append(c.widths, 0)
			}
			c.widths[i] = max(c.widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", c.widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		if _, err := fmt.Fprintln(c.out, line.String()); err != nil {
			return err
		}
	}
	return nil
}
