package app

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"everleaf/adapters/configfile"
	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
)

// FileCheck is what CheckFile found in a configuration file.
type FileCheck struct {
	File  string `json:"file"`
	Roles []Role `json:"roles"`
	// Issuers, Targets and Zones are the names of those without a problem that the roles read.
	Issuers []string `json:"issuers"`
	Targets []string `json:"targets"`
	Zones   []string `json:"zones"`
	// Problems are all that is wrong, in the file's order.
	Problems []FileProblem `json:"problems"`
	// Warnings are what this host does not have and the worker's may: programs, and variables for them.
	Warnings []FileProblem `json:"warnings"`
}

// FileProblem is one thing in a configuration file that cannot work.
type FileProblem struct {
	// Line and Field say where; 0 and empty for the file as a whole.
	Line  int    `json:"line,omitempty"`
	Field string `json:"field,omitempty"`
	// Message says what is wrong and how to correct it. It shows no value that may be secret.
	Message string `json:"message"`
}

// CheckFile reads the file as workers with these roles do, and reports all that is wrong with it and not only the
// first. Of one field it reports one problem. Nobody is contacted.
func CheckFile(path string, roles []Role, lookup configfile.Lookup) FileCheck {
	c := Config{Roles: roles}
	c.Pull.Listen = ":0" // a process with the role serves what the file says
	check := FileCheck{File: path, Roles: roles, Issuers: []string{}, Targets: []string{}, Zones: []string{},
		Problems: []FileProblem{}, Warnings: []FileProblem{}}
	file, err := configfile.Read(path)
	check.note(file, err)
	if file == nil {
		return check
	}
	if c.NeedsIssuers() {
		check.issuers(file, lookup)
	}
	if c.needsTargets() {
		check.targets(file, lookup, c.needsTarget)
	}
	if c.has(RoleAuthorization) {
		check.zones(file, lookup)
	}
	byLine := func(a, b FileProblem) int { return a.Line - b.Line }
	slices.SortStableFunc(check.Problems, byLine)
	slices.SortStableFunc(check.Warnings, byLine)
	return check
}

func (f *FileCheck) issuers(file *configfile.File, lookup configfile.Lookup) {
	issuers, err := file.Issuers(lookup)
	f.note(file, err)
	if len(issuers) == 0 {
		f.add(FileProblem{Field: "issuers", Message: "it is missing: name at least one CA"})
	}
	for i, issuer := range issuers {
		for _, err := range several(issuer.Validate()) {
			f.note(file, errors.New(strings.TrimPrefix(err.Error(), f.File+": ")))
		}
		if f.isGood(fmt.Sprintf("issuers[%d]", i)) {
			f.Issuers = append(f.Issuers, issuer.Issuer)
		}
	}
}

func (f *FileCheck) targets(file *configfile.File, lookup configfile.Lookup, wanted func(delivery.Config) bool) {
	targets, err := file.Targets(lookup, wanted)
	f.note(file, err)
	f.note(file, delivery.Check(targets))
	for _, target := range targets {
		f.missing(file, target.Source, target.Missing())
		if f.isGood(target.Source) {
			f.Targets = append(f.Targets, target.Name)
		}
	}
}

func (f *FileCheck) zones(file *configfile.File, lookup configfile.Lookup) {
	zones, err := file.Zones(lookup)
	f.note(file, err)
	f.note(file, dns01.Check(zones))
	for i, zone := range zones {
		at := fmt.Sprintf("dns[%d]", i)
		f.missing(file, at, zone.Missing())
		if f.isGood(at) {
			f.Zones = append(f.Zones, zone.Zone)
		}
	}
}

// isGood reports whether nothing is wrong with what stands there.
func (f *FileCheck) isGood(at string) bool {
	return !slices.ContainsFunc(f.Problems, func(p FileProblem) bool { return within(p.Field, at) })
}

// within reports whether field is the place, or in it.
func within(field, place string) bool {
	rest, ok := strings.CutPrefix(field, place)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// add leaves out what follows from another problem: one with the same field, with what it is in, or with what is in it.
func (f *FileCheck) add(problem FileProblem) {
	if !slices.ContainsFunc(f.Problems, func(p FileProblem) bool {
		return p.Field != "" && (within(problem.Field, p.Field) || within(p.Field, problem.Field))
	}) {
		f.Problems = append(f.Problems, problem)
	}
}

// missing warns of what an entry needs and this host does not have, unless there is a problem with it.
func (f *FileCheck) missing(file *configfile.File, entry string, err error) {
	for _, err := range several(err) {
		if p := placed(file, entry+err.Error()); f.isGood(p.Field) {
			f.Warnings = append(f.Warnings, p)
		}
	}
}

// place is how a message about a field begins.
var place = regexp.MustCompile(`^(issuers|targets|dns)\[\d+\][A-Za-z0-9.\[\]]*`)

// note adds what an error says.
func (f *FileCheck) note(file *configfile.File, err error) {
	for _, err := range several(err) {
		problems, ok := errors.AsType[configfile.Problems](err)
		if !ok {
			f.add(placed(file, err.Error()))
		}
		for _, p := range problems {
			f.add(FileProblem{Line: p.Line, Field: p.Field, Message: p.Fix})
		}
	}
}

// named is an entry's name behind its place, which says as much.
var named = regexp.MustCompile(`^ ?\([^()]*\)`)

// placed is a message that begins with its field.
func placed(file *configfile.File, text string) FileProblem {
	field := strings.TrimSuffix(place.FindString(text), ".")
	message := named.ReplaceAllString(strings.TrimPrefix(text, field), "")
	message = strings.TrimPrefix(strings.TrimSpace(message), ": ")
	return FileProblem{Line: file.Line(field), Field: field, Message: message}
}

// several takes apart what an adapter has joined.
func several(err error) []error {
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
