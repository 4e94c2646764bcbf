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
// first. Of one issuer, target or zone it may find the next problem once the first is corrected. Nobody is contacted.
func CheckFile(path string, roles []Role, lookup func(string) (string, bool)) FileCheck {
	c := Config{Roles: roles}
	c.Pull.Listen = ":0" // a process with the role serves what the file says
	check := FileCheck{File: path, Roles: roles, Issuers: []string{}, Targets: []string{}, Zones: []string{},
		Problems: []FileProblem{}}
	file, err := configfile.Read(path)
	if err != nil {
		check.note(file, err)
		return check
	}
	if c.needsIssuers() {
		check.issuers(file, lookup)
	}
	if c.needsTargets() {
		check.targets(file, lookup, c.needsTarget)
	}
	if c.has(RoleAuthorization) {
		check.zones(file, lookup)
	}
	slices.SortStableFunc(check.Problems, func(a, b FileProblem) int { return a.Line - b.Line })
	return check
}

func (f *FileCheck) issuers(file *configfile.File, lookup configfile.Lookup) {
	issuers, err := file.Issuers(lookup)
	f.note(file, err)
	if len(issuers) == 0 && err == nil {
		f.Problems = append(f.Problems, FileProblem{Field: "issuers", Message: "it is missing: name at least one CA"})
	}
	for _, issuer := range issuers {
		if err := issuer.Validate(); err != nil {
			f.note(file, errors.New(strings.TrimPrefix(err.Error(), f.File+": ")))
			continue
		}
		f.Issuers = append(f.Issuers, issuer.Issuer)
	}
}

func (f *FileCheck) targets(file *configfile.File, lookup configfile.Lookup, wanted func(delivery.Config) bool) {
	targets, err := file.Targets(lookup, wanted)
	f.note(file, err)
	for _, target := range targets {
		if err := delivery.Check([]delivery.Config{target}); err != nil {
			f.note(file, err)
			continue
		}
		// What Check leaves to New: files that the settings name.
		if _, err := delivery.New([]delivery.Config{target}, delivery.Deps{}); err != nil {
			f.note(file, errors.New(strings.Replace(err.Error(), "target "+target.Name, target.Source, 1)))
			continue
		}
		f.Targets = append(f.Targets, target.Name)
	}
}

func (f *FileCheck) zones(file *configfile.File, lookup configfile.Lookup) {
	zones, err := file.Zones(lookup)
	f.note(file, err)
	if err != nil {
		return // their places in the list are not those of the file
	}
	good := []dns01.ZoneConfig{}
	for i, zone := range zones {
		// A zone is checked beside the good ones before it, for two must not be the same.
		if err := dns01.Check(append(slices.Clone(good), zone)); err != nil {
			f.note(file, errors.New(strings.Replace(err.Error(), fmt.Sprintf("dns[%d]", len(good)),
				fmt.Sprintf("dns[%d]", i), 1)))
			continue
		}
		good = append(good, zone)
		f.Zones = append(f.Zones, zone.Zone)
	}
}

// place is how a message about a field begins.
var place = regexp.MustCompile(`^(issuers|targets|dns)\[\d+\][A-Za-z0-9.\[\]]*`)

// note adds what an error says, with the line of the field that it begins with.
func (f *FileCheck) note(file *configfile.File, err error) {
	if err == nil {
		return
	}
	if problems, ok := errors.AsType[configfile.Problems](err); ok {
		for _, p := range problems {
			f.Problems = append(f.Problems, FileProblem{Line: p.Line, Field: p.Field, Message: p.Fix})
		}
		return
	}
	field := strings.TrimSuffix(place.FindString(err.Error()), ".")
	message := strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(err.Error(), field)), ": ")
	f.Problems = append(f.Problems, FileProblem{Line: file.Line(field), Field: field, Message: message})
}
