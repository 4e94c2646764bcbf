package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"everleaf/domain"
)

// Verdict is what came of one look at a dependency.
type Verdict string

const (
	// VerdictOK: it is as it should be.
	VerdictOK Verdict = "ok"
	// VerdictWarn: it works, or could not be looked at, and somebody should know.
	VerdictWarn Verdict = "warn"
	// VerdictFail: something will not work.
	VerdictFail Verdict = "fail"
)

// Finding is one dependency, and what was seen.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	Subject string  `json:"subject"`
	// Detail says what was seen and, unless all is well, what to do. It holds no secret.
	Detail string `json:"detail"`
}

const (
	// lookLimit bounds each look by itself.
	lookLimit = 20 * time.Second
	// clockLimit is how far clocks may be apart: certificates' and tokens' times are compared across hosts.
	clockLimit = time.Minute
)

// caution is a problem that keeps nothing from working.
type caution string

func (c caution) Error() string { return string(c) }

// look is one thing to look at; it says what it saw, or what is wrong and what to do.
type look struct {
	subject string
	run     func(context.Context) (seen string, err error)
}

// Doctor looks at everything that a worker with this config depends on, side by side, and starts none. What it writes
// to try something, it removes again: TXT records under names of their own, files beside the targets' directories and,
// where a responder is to be tried under the name responderName, an HTTP-01 token. No account is registered, and no
// delivery made. It reads all of config.
func Doctor(ctx context.Context, config Config, responderName string, logger *slog.Logger) []Finding {
	d := &doctor{config: config, logger: logger}
	defer d.close()
	looks := d.looks(responderName)
	findings := make([]Finding, len(looks))
	var all sync.WaitGroup
	for i, l := range looks {
		all.Go(func() { findings[i] = l.look(ctx) })
	}
	all.Wait()
	return findings
}

// look never takes longer than its limit: what does not honour ctx is left behind, for the process ends soon.
func (l look) look(ctx context.Context) Finding {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	done := make(chan Finding, 1)
	go func() {
		seen, err := l.run(ctx)
		done <- l.found(seen, err)
	}()
	select {
	case finding := <-done:
		return finding
	case <-ctx.Done():
	}
	select {
	case finding := <-done:
		return finding
	case <-time.After(time.Second): // it was just about to say why
		return l.found("", fmt.Errorf("no answer within %s: look at the network between here and there", lookLimit))
	}
}

func (l look) found(seen string, err error) Finding {
	finding := Finding{VerdictOK, l.subject, seen}
	if err != nil {
		finding.Verdict, finding.Detail = VerdictFail, err.Error()
	}
	if errors.As(err, new(caution)) {
		finding.Verdict = VerdictWarn
	}
	finding.Detail = strings.Join(strings.Fields(finding.Detail), " ")
	return finding
}

// apart is how two clocks differ, for people; an error if that is too much.
func apart(whose string, theirs, ours time.Time) (string, error) {
	offset := theirs.Sub(ours).Round(time.Second)
	seen := fmt.Sprintf("%s is %s apart from this host's", whose, offset.Abs())
	if offset.Abs() > clockLimit {
		return "", domain.NewFault(domain.FaultOperator, domain.ReasonClockWrong, nil,
			"%s: set both by NTP; more than %s makes certificates seem not valid yet, or expired", seen, clockLimit)
	}
	return seen, nil
}
