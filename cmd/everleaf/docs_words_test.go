package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Words that are not those of the field, or are unusual in documentation, with what to say.
var unusual = map[string]string{
	"told":         "informed, or name what is answered or logged",
	"anew":         "again",
	"whoever":      "the one who, or name them",
	"mend":         "repair, correct or fix",
	"mends":        "repairs, corrects or fixes",
	"mending":      "repairing, correcting or fixing",
	"mended":       "repaired, corrected or fixed",
	"kept no more": "retired",
	"thereof":      "of it",
}

func TestWordsAreUsual(t *testing.T) {
	prose := map[string]string{}
	for _, p := range pages(t) {
		prose[p.Path] = strings.Join(strings.Fields(p.Prose), " ")
	}
	for _, match := range regexp.MustCompile(`## (.*)`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		prose["Makefile"] += match[1] + "\n"
	}
	for path, text := range prose {
		for words, say := range unusual {
			found := regexp.MustCompile(`(?i).{0,30}\b` + words + `\b.{0,30}`).FindString(text)
			assert.Empty(t, found, "%s has %q; say %s", path, words, say)
		}
	}
}

// README is a page that is read in a few minutes; the rest is in docs.
func TestREADMEIsShort(t *testing.T) {
	assert.LessOrEqual(t, len(strings.Fields(read(t, "README.md"))), 900)
}
