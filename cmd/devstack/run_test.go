package main

import "testing"

func TestOutputOnOneLine(t *testing.T) {
	for out, want := range map[string]string{
		"":                         "",
		" \n":                      "",
		"at version 2\n":           ": at version 2",
		"from 0 to 2\n\n A,  B \n": ": from 0 to 2; A, B",
	} {
		if got := onOneLine([]byte(out)); got != want {
			t.Errorf("onOneLine(%q) = %q, want %q", out, got, want)
		}
	}
}
