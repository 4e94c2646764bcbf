package configfile

import (
	"fmt"

	"everleaf/domain"
)

// Problem is one thing in the file that cannot work.
type Problem struct {
	File string
	// Line is where the field stands, or what it should be in; 0 for the file as a whole.
	Line int
	// Field is its place, as issuers[0].name; empty for the file as a whole.
	Field string
	// Fix says what is wrong and how to correct it. It shows no value that may be secret.
	Fix string
}

// Problems are what is wrong with a file, in its order. As an error they are the first: an Operator fault
// "InvalidSetting".
type Problems []Problem

// Error is the first.
func (p Problems) Error() string { return p.Unwrap().Error() }

// Unwrap is the first as a fault.
func (p Problems) Unwrap() error {
	at := ""
	if p[0].Line > 0 {
		at = fmt.Sprintf(", line %d", p[0].Line)
	}
	if p[0].Field != "" {
		at += ", " + p[0].Field
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
		"--config (EVERLEAF_CONFIG) %q%s cannot work: %s", p[0].File, at, p[0].Fix)
}

// finding collects problems.
type finding struct {
	file     *File
	problems Problems
}

func (f *File) finding() *finding { return &finding{file: f} }

// only is the one problem of a file as a whole.
func (f *File) only(format string, args ...any) error {
	return Problems{{File: f.path, Fix: fmt.Sprintf(format, args...)}}
}

func (f *finding) add(at, format string, args ...any) {
	f.problems = append(f.problems, Problem{File: f.file.path, Line: f.file.Line(at), Field: at,
		Fix: fmt.Sprintf(format, args...)})
}

// err is nil where there is no problem.
func (f *finding) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	return f.problems
}

// unique refuses a name that is missing, or that an earlier entry of the list has.
func (f *finding) unique(first map[string]int, list string, i int, name, what string) {
	at := fmt.Sprintf("%s[%d].name", list, i)
	if name == "" {
		f.add(at, "it is missing: %s", what)
		return
	}
	if earlier, taken := first[name]; taken {
		f.add(at, "%q is the name of %s[%d] already: give each its own name", name, list, earlier)
		return
	}
	first[name] = i
}
