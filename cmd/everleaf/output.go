package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"everleaf/app"
)

// json prints for programs: the domain's types as they are.
func (k kit) json(value any) error {
	encoder := json.NewEncoder(k.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// show prints one certificate.
func (k kit) show(output outputFlag, status app.Status) error {
	if output.Output == "json" {
		return k.json(status)
	}
	if status.DryRun {
		return k.proposed(status)
	}
	return k.card(statusAnswer{Status: status})
}

// showStatus prints what the workflow answers, or what is known without it.
func (k kit) showStatus(output outputFlag, answer statusAnswer) error {
	if output.Output == "json" {
		return k.json(answer)
	}
	return k.card(answer)
}

// card prints one certificate for people, a line for each thing that is known.
func (k kit) card(s statusAnswer) error {
	rows := [][]string{
		{"Certificate", s.Name},
		{"Phase", phase(s.Status)},
	}
	if s.Stored != nil {
		rows = append(rows, []string{"Answered by", "Postgres, since " + s.Because.Message})
		for _, line := range s.Stored.Doing {
			rows = append(rows, []string{"Doing", line})
		}
	}
	for _, w := range s.Work {
		rows = append(rows, []string{"At work", w.Step + ": " + k.atWork(w)})
	}
	if s.Already {
		rows[1][1] += ", already before: it was retired, or its workflow cancelled"
	}
	i, retired := s.Issued, s.Phase == app.PhaseRetiring || s.Phase == app.PhaseReleased // then nobody renews it
	if i == nil {
		rows = append(rows, []string{"Names", strings.Join(s.Spec.Names, ", ")})
	} else {
		// What is in service; a change of the spec shows beside it until it is issued.
		rows = append(rows, []string{"Names", strings.Join(i.Names, ", ")})
		if !(app.Spec{Names: i.Names}).Same(app.Spec{Names: s.Spec.Names}) {
			rows = append(rows, []string{"Requested", strings.Join(s.Spec.Names, ", ")})
		}
		rows = append(rows,
			[]string{"Issuer", issuer(i)},
			[]string{"Serial", i.Serial},
			[]string{"Valid from", k.moment(i.NotBefore)},
			[]string{"Valid until", k.moment(i.NotAfter)},
		)
		switch {
		case i.Revoked && retired:
			rows = append(rows, []string{"Revoked", "yes"})
		case i.Revoked:
			rows = append(rows, []string{"Revoked",
				"yes, while in service; the renewal replaces it, or everleaf cert renew " +
					s.Name})
		}
	}
	if s.Revoked != "" && (i == nil || i.Serial != s.Revoked) {
		rows = append(rows, []string{"Revoked", "serial " + s.Revoked})
	}
	if r := s.Renewal; r != nil && !retired {
		rows = append(rows, []string{"Renewal", k.moment(r.At)}, []string{"Because", r.Message})
	}
	if f := s.Failure; f != nil && !retired {
		rows = append(rows,
			[]string{"Problem", problem(f)},
			[]string{"Failed", fmt.Sprintf("%s, attempt %d, step %s", k.moment(f.At), f.Attempts, f.Step)},
			[]string{"Next try", k.moment(f.RetryAt)},
			[]string{"What to do", k.whatToDo(s.Name, *f, app.Remedy(*f, s.Spec.WithDefaults().Challenge))},
		)
	}
	for _, d := range s.Deliveries {
		rows = append(rows, []string{"Delivery", d.Target + ": " + delivery(d, s.Status, k)})
		if f := d.Failure; f.OfRemoval() && s.Phase != app.PhaseReleased {
			retiring := ""
			if s.Phase == app.PhaseRetiring {
				retiring = s.Name
			}
			rows = append(rows, []string{"What to do", app.RemovalRemedy(*f, retiring)})
		}
	}
	for _, change := range s.Changes {
		rows = append(rows, []string{"Changed", change})
	}
	if s.Generation > 0 {
		rows = append(rows, []string{"Generation", strconv.FormatInt(s.Generation, 10)})
	}
	if s.Stored == nil { // Postgres does not count them
		rows = append(rows, []string{"Obtained", obtained(s.Cycle, i != nil)})
	}
	rows = append(rows, []string{"Workflow", app.WorkflowID(s.Name)})
	return k.rows("", rows)
}

// obtained says how many certificates the workflow has obtained, in all of its runs. The one in service may be of a
// workflow before it.
func obtained(cycle int, inService bool) string {
	switch {
	case cycle > 0:
		return certificates(cycle)
	case inService:
		return "none by this workflow yet"
	default:
		return "none yet"
	}
}

func (k kit) rows(header string, rows [][]string) error {
	w := tabwriter.NewWriter(k.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(w, header) // tabwriter keeps the first error for Flush
	for _, row := range rows {
		for i := range row {
			row[i] = k.readable(row[i])
		}
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// whatToDo is a failure's remedy, and how to have it tried at once when that is done.
func (k kit) whatToDo(name string, f app.Failure, remedy string) string {
	if app.TriedSooner(f) && f.RetryAt.After(k.now()) {
		remedy += " When that is done, everleaf cert renew " + name + " tries at once."
	}
	return remedy
}

func phase(s app.Status) string {
	switch {
	case s.Phase == "Ready" && s.Issued != nil && s.Issued.Revoked:
		return "Revoked"
	case s.Step == "":
		return string(s.Phase)
	default:
		return string(s.Phase) + " (" + s.Step + ")"
	}
}

func issuer(i *app.Issued) string {
	if i.IssuerCN == "" {
		return i.Issuer
	}
	return i.Issuer + " (" + i.IssuerCN + ")"
}

func problem(f *app.Failure) string {
	return fmt.Sprintf("%s/%s: %s", f.Fault.Kind, f.Fault.Reason, f.Fault.Message)
}

// instant is how people read one, in UTC. Programs read RFC 3339.
const instant = "2006-01-02 15:04:05 UTC"

// rfc3339 matches an instant in a message, which programs read as well.
var rfc3339 = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)

// readable is one line for people, with the instants in it as moments.
func (k kit) readable(text string) string {
	return rfc3339.ReplaceAllStringFunc(plain(text), func(stamp string) string {
		at, err := time.Parse(time.RFC3339, stamp)
		if err != nil {
			return stamp
		}
		return k.moment(at)
	})
}

// moment is an instant for people: the time in UTC, and how far it is from now.
func (k kit) moment(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(instant) + " (" + distance(at.Sub(k.now())) + ")"
}

// distance shows at most two units of a time span: enough to know whether to hurry.
func distance(d time.Duration) string {
	frame := "in %s"
	if d < 0 {
		d, frame = -d, "%s ago"
	}
	var text string
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		text = fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		text = fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		text = fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		text = fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
	}
	return fmt.Sprintf(frame, text)
}
