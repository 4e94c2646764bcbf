package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// `make help` lists what has a line: every target has to.
func TestEveryTargetHasALineOfHelp(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(makefile), "\\\n", " ")
	phony := strings.Fields(regexp.MustCompile(`(?m)^\.PHONY:(.*)$`).FindStringSubmatch(text)[1])
	var targets, helped []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):[^=]([^\n]*)`).FindAllStringSubmatch(text, -1) {
		targets = append(targets, m[1])
		if strings.Contains(m[2], "## ") {
			helped = append(helped, m[1])
		}
	}
	for _, names := range [][]string{phony, targets, helped} {
		slices.Sort(names)
	}
	if len(targets) == 0 || !slices.Equal(targets, helped) || !slices.Equal(targets, phony) {
		t.Errorf("targets %v\nwith a line of help %v\nphony %v", targets, helped, phony)
	}
}
