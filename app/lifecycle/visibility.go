package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

var (
	searchState       = temporal.NewSearchAttributeKeyKeyword(ports.SearchState)
	searchIssuer      = temporal.NewSearchAttributeKeyKeyword(ports.SearchIssuer)
	searchNotAfter    = temporal.NewSearchAttributeKeyTime(ports.SearchNotAfter)
	searchNextRenewal = temporal.NewSearchAttributeKeyTime(ports.SearchNextRenewal)
	searchNames       = temporal.NewSearchAttributeKeyKeywordList(ports.SearchNames)
)

// publish tells Temporal's visibility what changed, once per outcome of an attempt: an upsert is a billable action, so
// the passing state Issuing is not written.
func (c *certificate) publish(ctx workflow.Context) {
	known := workflow.GetTypedSearchAttributes(ctx)
	var changes []temporal.SearchAttributeUpdate
	state := string(domain.PhaseReady)
	if c.state.Failure != nil {
		state = string(domain.PhaseFailing)
	}
	if was, ok := known.GetKeyword(searchState); !ok || was != state {
		changes = append(changes, searchState.ValueSet(state))
	}
	names := c.state.Spec.Names
	if was, ok := known.GetKeywordList(searchNames); !ok || strings.Join(was, ",") != strings.Join(names, ",") {
		changes = append(changes, searchNames.ValueSet(names))
	}
	if issued := c.state.Issued; issued != nil {
		if was, ok := known.GetKeyword(searchIssuer); !ok || was != issued.Issuer {
			changes = append(changes, searchIssuer.ValueSet(issued.Issuer))
		}
		if was, ok := known.GetTime(searchNotAfter); !ok || !was.Equal(issued.NotAfter) {
			changes = append(changes, searchNotAfter.ValueSet(issued.NotAfter))
		}
	}
	if plan := c.state.Renewal; plan != nil {
		if was, ok := known.GetTime(searchNextRenewal); !ok || !was.Equal(plan.At) {
			changes = append(changes, searchNextRenewal.ValueSet(plan.At))
		}
	}
	if len(changes) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, changes...); err != nil {
		// It is for people who look for certificates; nothing else depends on it.
		workflow.GetLogger(ctx).Warn("search attributes not written", "certificate", c.name, "error", err)
	}
}

// describe puts the certificate's state in words for Temporal's UI, which asks for them as for a query: they cost
// nothing and are in no history.
func (c *certificate) describe(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, details(c.status()))
}

// details is Markdown.
func details(s domain.Status) string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, "- "+format+"\n", args...) }
	_, _ = fmt.Fprintf(&b, "**%s**", s.Phase)
	if s.Step != "" {
		_, _ = fmt.Fprintf(&b, " (%s)", s.Step)
	}
	b.WriteString("\n\n")
	line("names: %s", strings.Join(s.Spec.Names, ", "))
	if s.Issued == nil {
		line("no certificate in service yet")
	} else {
		line("in service: serial %s by %s, until %s", s.Issued.Serial, s.Issued.Issuer, stamp(s.Issued.NotAfter))
	}
	if s.Renewal != nil && s.Failure == nil {
		line("renewal: %s (%s)", stamp(s.Renewal.At), s.Renewal.Reason)
	}
	if s.Failure != nil {
		line("failed at %s in %s, attempt %d: %s/%s: %s", stamp(s.Failure.At), s.Failure.Step, s.Failure.Attempts,
			s.Failure.Fault.Kind, s.Failure.Fault.Reason, s.Failure.Fault.Message)
		line("next try: %s", stamp(s.Failure.RetryAt))
	}
	for _, r := range s.Revoking {
		line("to be revoked: serial %s (%s)", r.Issued.Serial, r.Reason)
	}
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
