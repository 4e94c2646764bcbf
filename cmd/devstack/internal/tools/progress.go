package tools

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// repeat is the time between two lines of progress where they cannot take each other's place.
const repeat = 5 * time.Second

// Terminal is f if it is a terminal, on which a line of progress can take the place of the one before; else nil.
func Terminal(f *os.File) *os.File {
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}

// during says again and again what is at work and for how long, until end is called. state is more to say, or empty.
func (b *Box) during(what string, state func() string) (end func()) {
	every := repeat
	if b.Terminal != nil {
		every = time.Second
	}
	begin, ask, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ask:
				if b.Terminal != nil {
					_, _ = fmt.Fprint(b.Terminal, "\r\033[K")
				}
				return
			case <-tick.C:
				line := fmt.Sprintf("  %s: %s so far", what, time.Since(begin).Round(time.Second))
				if more := state(); more != "" {
					line += ", " + more
				}
				if b.Terminal != nil {
					_, _ = fmt.Fprintf(b.Terminal, "\r%s\033[K", line)
				} else {
					b.Say("%s", line)
				}
			}
		}
	}()
	return func() {
		close(ask)
		<-ended
	}
}

// progress counts the lines that `go build -v` prints, one per package or download.
type progress struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Write(b)
}

func (p *progress) state() string {
	lines := p.lines()
	downloads := 0
	for _, l := range lines {
		if strings.HasPrefix(l, "go: downloading") {
			downloads++
		}
	}
	return fmt.Sprintf("%d modules downloaded, %d packages compiled", downloads, len(lines)-downloads)
}

func (p *progress) tail() string {
	lines := p.lines()
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// last is the last line.
func (p *progress) last() string {
	if lines := p.lines(); len(lines) > 0 {
		return strings.TrimSpace(lines[len(lines)-1])
	}
	return ""
}

func (p *progress) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.FieldsFunc(p.all.String(), func(r rune) bool { return r == '\n' })
}
