package fields

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Twice says which field one object of the JSON text has two times; empty if none has. A decoder would take the second,
// or put the two together. A text that is no JSON is the decoder's to refuse.
func Twice(text []byte) string {
	if !json.Valid(text) {
		return ""
	}
	return twice(json.NewDecoder(bytes.NewReader(text)), nil)
}

func twice(decoder *json.Decoder, at []string) string {
	token, err := decoder.Token()
	if err != nil {
		return ""
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for decoder.More() {
			token, err := decoder.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return ""
			}
			path := append(at, "."+name)
			if seen[name] {
				return fmt.Sprintf("%q: it is there twice", bounded(strings.TrimPrefix(strings.Join(path, ""), ".")))
			}
			seen[name] = true
			if text := twice(decoder, path); text != "" {
				return text
			}
		}
		_, _ = decoder.Token() // its end
	case json.Delim('['):
		for i := 0; decoder.More(); i++ {
			if text := twice(decoder, append(at, fmt.Sprintf("[%d]", i))); text != "" {
				return text
			}
		}
		_, _ = decoder.Token() // its end
	}
	return ""
}

// bounded cuts a name that a caller gave for a message.
func bounded(name string) string {
	if runes := []rune(name); len(runes) > maxName {
		return string(runes[:maxName]) + "…"
	}
	return name
}
