package main

import (
	"fmt"

	"everleaf/app"
)

// deliveries says of each target what it has, and what comes next there.
func (k kit) deliveries(e app.Explanation) (lines []string) {
	for _, d := range e.Deliveries {
		line, tried := d.Target+": ", "The delivery"
		switch {
		case d.Version == "" && (d.Removing || d.Contacted && e.Retirement != ""):
			line += "nobody knows whether it has a certificate"
		case d.Version == "" && e.Retirement != "":
			line += "nothing is there"
		case d.Version == "":
			line += "nothing is there yet"
		case e.Issued != nil && d.Version == e.Issued.Version:
			line += "has the certificate in service, since " + k.moment(d.At)
		default:
			line += "has an earlier certificate, since " + k.moment(d.At)
		}
		switch {
		case d.Removing && e.Retirement != "":
			line, tried = line+"; to be cleared", "Clearing it"
		case d.Removing:
			line, tried = line+", left there by an earlier request; to be cleared", "Clearing it"
		case d.Version == "" && !d.Contacted:
		case d.Version == "" && e.ReleasedAt != nil:
			line += "; nobody clears it"
		case d.Version == "":
		case e.ReleasedAt != nil:
			line += ", left there by an earlier request; nobody clears it"
		case e.Retirement != "":
			line += ", and keeps it"
		}
		if f := d.Failure; f != nil {
			line += fmt.Sprintf(". %s failed %s: %s. Next try %s", tried, k.moment(f.At), said(f.Fault),
				k.moment(f.RetryAt))
			if !d.Removing { // what comes next says it
				line += ". What to do: " + app.Remedy(*f, "")
			}
		}
		lines = append(lines, line)
	}
	return lines
}
