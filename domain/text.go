package domain

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxMessage bounds a stored message in octets: it is in histories and in Status.
	maxMessage = 1000
	// maxCaller bounds who asks, in octets.
	maxCaller = 200
	// maxQuoted bounds a value that is quoted in a message, in octets: a pasted file must not become one.
	maxQuoted = 300
)

// oneLine makes text from outside fit for a log line, a table cell and JSON: one line of at most limit octets, at least
// those of "…". What has no room is not looked at.
func oneLine(text string, limit int) string {
	var line []byte
	gap := false
	for _, r := range text {
		switch {
		case r == utf8.RuneError:
			r = '?'
		case r == ' ' || !unicode.IsPrint(r):
			gap = true
			continue
		}
		if gap && len(line) > 0 {
			line = append(line, ' ')
		}
		gap = false
		line = utf8.AppendRune(line, r)
		if len(line) > limit {
			return cut(string(line), limit-len("…")) + "…"
		}
	}
	return string(line)
}

// CallerText is what is stored of a caller's name for itself: one line of at most 200 octets.
func CallerText(caller string) string { return oneLine(caller, maxCaller) }

// quote shows a caller's value so that it cannot break a log line, cut where it is absurdly long.
func quote(value string) string {
	if len(value) <= maxQuoted {
		return strconv.Quote(value)
	}
	return strconv.Quote(cut(value, maxQuoted)) + "…"
}

// cut is the beginning of text, of limit octets at most and of whole characters.
func cut(text string, limit int) string {
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// list joins words with commas.
func list[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

// andMore is as much of a list as limit octets hold: what has no room is counted. Control characters are replaced.
func andMore(values []string, limit int) string {
	var text string
	for i, value := range values {
		room := limit - len(more(len(values)-1-i))
		next := oneLine(value, room)
		if i > 0 {
			next = text + ", " + next
		}
		if len(next) > room {
			return text + more(len(values)-i)
		}
		text = next
	}
	return text
}

func more(count int) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", count)
}
