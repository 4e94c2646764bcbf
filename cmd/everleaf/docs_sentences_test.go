package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// longest is how many words a sentence may have. A piece of code counts as one.
const longest = 30

var (
	notProse   = regexp.MustCompile("(?ms)<!-- generated: .*?<!-- end: [a-z]+ -->|^ *```.*?^ *```$|^    .*?$")
	paragraph  = regexp.MustCompile(`\n\s*\n|\n(?:\s*(?:[-*]|\d+\.) |#)|\n?\|`)
	codeSpan   = regexp.MustCompile("`[^`]*`")
	markedLink = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	sentenceAt = regexp.MustCompile(`[.!?:;]\**\s+`)
	aWord      = regexp.MustCompile(`[\w'’-]+`)
)

// Sentences are short: a colon or a semicolon ends one, too.
func TestSentencesAreShort(t *testing.T) {
	for _, p := range pages(t) {
		text := notProse.ReplaceAllString(read(t, p.Path), "\n\n")
		for _, part := range paragraph.Split(text, -1) {
			part = codeSpan.ReplaceAllString(markedLink.ReplaceAllString(part, "$1"), "code")
			for _, one := range sentenceAt.Split(part, -1) {
				words := len(aWord.FindAllString(one, -1))
				assert.LessOrEqual(t, words, longest, "%s: %s", p.Path, strings.Join(strings.Fields(one), " "))
			}
		}
	}
}
