package ops

import (
	"context"
	"strings"
	"time"
)

// Check is one thing that must be so for the process to work.
type Check struct {
	// Name is one word, stable, for example "schema".
	Name string
	// Run looks once. It SHOULD honour ctx, and MUST be harmless when repeated. detail is what to say when all is well;
	// err says what is wrong and what to do, to a person. Neither holds a secret.
	Run func(ctx context.Context) (detail string, err error)
	// Vital reports whether /livez fails with it too. Such a check MUST look at nothing but the process itself: a
	// restart does not bring back a server that is away.
	Vital bool
}

// result is what a look at a check showed.
type result struct {
	name   string
	ok     bool
	detail string
}

// String is the line for people.
func (r result) String() string {
	verdict := "FAIL"
	if r.ok {
		verdict = "ok  "
	}
	return verdict + " " + r.name + ": " + r.detail
}

// probe looks at one check and never longer than its bound. It is used by one goroutine at a time.
type probe struct {
	check   Check
	pending chan result // of a run that has not come back
	since   time.Time
}

// slack lets a check that honours its context say itself what it waited for.
const slack = 200 * time.Millisecond

// look runs the check. A run that does not come back is not joined by a second one: it is waited for again.
func (p *probe) look(bound time.Duration) result {
	if p.pending == nil {
		pending := make(chan result, 1)
		p.pending, p.since = pending, time.Now()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), bound)
			defer cancel()
			pending <- p.run(ctx)
		}()
	}
	select {
	case r := <-p.pending:
		p.pending = nil
		return r
	case <-time.After(bound + slack):
		waited := time.Since(p.since).Round(time.Second)
		return result{name: p.check.Name, detail: "no answer for " + waited.String()}
	}
}

func (p *probe) run(ctx context.Context) result {
	r := result{name: p.check.Name}
	detail, err := p.check.Run(ctx)
	r.ok, r.detail = err == nil, line(detail)
	if err != nil {
		r.detail = line(err.Error())
	}
	return r
}

// line keeps a text that came from elsewhere on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
