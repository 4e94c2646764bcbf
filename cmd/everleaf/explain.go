package main

import (
	"context"
	"fmt"
	"strings"

	"everleaf/app"
)

// maxEvents is more than anybody reads, and no burden for the database.
const maxEvents = 10_000

type explainCmd struct {
	nameArg
	Events int `default:"100" placeholder:"N" help:"How many events to read, the newest first; failures that repeat are shown as one."`
	outputFlag
	postgresSettings
	startSettings
}

// Help says what it is for.
func (explainCmd) Help() string {
	return "It shows what is in service, what happens next and when, and what happened so far, in sentences that a " +
		"support desk can read " +
		"aloud. It needs Postgres alone: neither Temporal nor a sealing key, and it shows no secret."
}

// Run exits 0 whatever the certificate's state is: it is in the answer.
func (e explainCmd) Run(ctx context.Context, k *kit) error {
	if err := checkEvents(e.Events); err != nil {
		return err
	}
	var config app.Config
	e.postgresSettings.apply(&config)
	e.startSettings.apply(&config)
	timelines, closer, err := k.timelines(ctx, config)
	if err != nil {
		return err
	}
	defer closer()
	timeline, err := timelines.Timeline(ctx, e.Name, e.Events)
	if reasonOf(err) == app.ReasonUnknownCertificate {
		return fmt.Errorf("%w; if the first request for it was refused, everleaf cert status %s says why", err, e.Name)
	}
	if err != nil {
		return err
	}
	explanation := app.Explain(k.now(), timeline)
	if e.Output == "json" {
		return k.json(explanation)
	}
	return k.explain(explanation)
}

func checkEvents(n int) error {
	if n < 0 || n > maxEvents {
		return usageError{fmt.Errorf("--events %d cannot work: use a whole number from 0 to %d", n, maxEvents)}
	}
	return nil
}

// explain prints the whole for people, one heading after the other.
func (k kit) explain(e app.Explanation) error {
	return k.sections([]section{
		{"", []string{e.Name + ": " + k.headline(e)}},
		{"In service", k.inService(e)},
		{"Asked for, and not in service yet", e.Changes},
		{"Problem", k.trouble(e)},
		{"What happens next", k.coming(e)},
		{"Deliveries", k.deliveries(e)},
		{"What happened, newest first", k.narrate(e.Events, e.Earlier, shown(e)...)},
	})
}

// shown are the failures that have a place of their own: what happened does not say them again.
func shown(e app.Explanation) (failures []app.Failure) {
	if e.Failure != nil {
		failures = append(failures, *e.Failure)
	}
	for _, d := range e.Deliveries {
		if d.Failure != nil {
			failures = append(failures, *d.Failure)
		}
	}
	return failures
}

// section is a heading with its lines; one without lines is left out.
type section struct {
	title string
	lines []string
}

func (k kit) sections(sections []section) error {
	var text strings.Builder
	for _, s := range sections {
		if len(s.lines) == 0 {
			continue
		}
		indent := ""
		if s.title != "" {
			text.WriteString("\n" + s.title + "\n")
			indent = "  "
		}
		for _, line := range s.lines {
			text.WriteString(indent + k.readable(line) + "\n")
		}
	}
	return k.print("%s", text.String())
}

// headline is the state in one sentence.
func (k kit) headline(e app.Explanation) string {
	state := "no certificate is in service yet"
	switch {
	case e.Issued == nil:
	case e.Issued.Revoked:
		state = "the certificate in service is revoked"
	case !e.Issued.NotAfter.After(k.now()):
		state = "the certificate in service has expired"
	default:
		state = "a certificate is in service"
	}
	switch {
	case e.ReleasedAt != nil:
		state += ", and nobody keeps it any more since " + k.moment(*e.ReleasedAt)
	case e.Retirement != "":
		state += ", and it is being retired" + stuck(e.Deliveries)
	case e.Failure != nil:
		state += ", and the last attempt to get one failed"
	}
	if e.Severity != "none" {
		state += " (severity: " + string(e.Severity) + ")"
	}
	return state
}

// stuck says that targets cannot be cleared.
func stuck(deliveries []app.Delivery) (text string) {
	for _, d := range deliveries {
		if d.Failure.OfRemoval() {
			text += ", " + d.Target
		}
	}
	if text == "" {
		return ""
	}
	return ", which waits for what cannot be cleared: " + strings.TrimPrefix(text, ", ")
}

func (k kit) inService(e app.Explanation) []string {
	i := e.Issued
	if i == nil {
		return []string{"nothing yet; asked for: " + strings.Join(e.Spec.Names, ", ")}
	}
	lines := []string{
		"Names: " + strings.Join(i.Names, ", "),
		"Issuer: " + issuer(i),
		"Serial: " + i.Serial,
		"Valid from " + k.moment(i.NotBefore) + " until " + k.moment(i.NotAfter),
	}
	if e.RevokedAt != nil {
		lines = append(lines, "Revoked "+k.moment(*e.RevokedAt))
	}
	return lines
}

func (k kit) trouble(e app.Explanation) []string {
	f := e.Failure
	if f == nil {
		return nil
	}
	attempts := fmt.Sprintf("Failed %s", k.moment(f.At))
	if f.Attempts > 1 {
		attempts += fmt.Sprintf(", for the %s time in a row", ordinal(f.Attempts))
	}
	return []string{said(f.Fault), attempts + step(f.Step), "What to do: " + k.whatToDo(e.Name, *f, e.Remedy)}
}

func (k kit) coming(e app.Explanation) (lines []string) {
	for _, next := range e.Next {
		when := ""
		switch {
		case next.At.IsZero():
		case k.overdue(next.At):
			when = "overdue since " + k.moment(next.At) + ", and everleaf cert status " + e.Name + " says why: "
		case !next.At.After(k.now()):
			when = "now, or as soon as a worker is there (due " + k.moment(next.At) + "): "
		default:
			when = k.moment(next.At) + ": "
		}
		lines = append(lines, when+next.What)
	}
	return lines
}

// said is a fault without the point that narrators add.
func said(f app.Fault) string {
	return fmt.Sprintf("%s (%s/%s)", strings.TrimRight(f.Message, ". "), f.Kind, f.Reason)
}

func step(name string) string {
	if name == "" {
		return ""
	}
	return ", at the step " + name
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n) + suffix
}
