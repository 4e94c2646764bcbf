package tools

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestDuring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		b := &Box{Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
		out := &progress{}
		end := b.during("building x", out.state)
		time.Sleep(6 * time.Second)
		_, _ = out.Write([]byte("go: downloading a.test/b\na.test/b\na.test/b/c\n"))
		time.Sleep(5 * time.Second)
		end()
		time.Sleep(time.Minute)
		want := []string{"  building x: 5s so far, 0 modules downloaded, 0 packages compiled",
			"  building x: 10s so far, 1 modules downloaded, 2 packages compiled"}
		if !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	})
}
