package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

var (
	searchState       = temporal.NewSearchAttributeKeyKeyword(ports.SearchState)
	searchIssuer      = temporal.NewSearchAttributeKeyKeyword(ports.SearchIssuer)
	searchNotAfter    = temporal.NewSearchAttributeKeyTime(ports.SearchNotAfter)
	searchNextRenewal = temporal.NewSearchAttributeKeyTime(ports.SearchNextRenewal)
	searchNames       = temporal.NewSearchAttributeKeyKeywordList(ports.SearchNames)
)

// publish writes search attributes where the machine says that they have changed: each write is a billable action.
func (r *run) publish(ctx workflow.Context) {
	visible := r.machine.Unpublished()
	if visible == nil {
		return
	}
	r.machine.Publish(*visible)
	err := workflow.UpsertTypedSearchAttributes(ctx,
		searchState.ValueSet(visible.State),
		searchNames.ValueSet(lifecycle.SearchableNames(visible.Names)),
		keyword(searchIssuer, visible.Issuer),
		instant(searchNotAfter, visible.NotAfter),
		instant(searchNextRenewal, visible.NextRenewal),
	)
	if err != nil {
		// It is for people who look for certificates; nothing else depends on it.
		workflow.GetLogger(ctx).Warn("search attributes not written", "certificate", r.machine.Name, "error", err)
	}
}

func keyword(key temporal.SearchAttributeKeyKeyword, value string) temporal.SearchAttributeUpdate {
	if value == "" {
		return key.ValueUnset()
	}
	return key.ValueSet(value)
}

func instant(key temporal.SearchAttributeKeyTime, value time.Time) temporal.SearchAttributeUpdate {
	if value.IsZero() {
		return key.ValueUnset()
	}
	return key.ValueSet(value)
}

// describe puts the certificate's state in words for Temporal's UI, which asks for them as for a query: they cost
// nothing and are in no history.
func (r *run) describe(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, details(r.machine.Status(r.id)))
}

// details is Markdown.
func details(s domain.Status) string {
	text := fmt.Sprintf("**%s**", s.Phase)
	if s.Step != "" {
		text += fmt.Sprintf(" (%s)", s.Step)
	}
	text += "\n\n"
	line := func(format string, args ...any) { text += fmt.Sprintf("- "+format+"\n", args...) }
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
	for _, d := range s.Deliveries {
		switch {
		case d.Failure != nil && d.Removing:
			line("target %s cannot be cleared: %s: %s; next try: %s", d.Target, d.Failure.Fault.Reason,
				d.Failure.Fault.Message, stamp(d.Failure.RetryAt))
		case d.Failure != nil:
			line("target %s: %s: %s; next try: %s", d.Target, d.Failure.Fault.Reason, d.Failure.Fault.Message,
				stamp(d.Failure.RetryAt))
		case d.Removing:
			line("target %s: to be cleared", d.Target)
		case s.Issued != nil && d.Version == s.Issued.Version:
			line("target %s: has it since %s", d.Target, stamp(d.At))
		default:
			line("target %s: to be delivered", d.Target)
		}
	}
	for _, r := range s.Revoking {
		line("to be revoked: serial %s (%s)", r.Issued.Serial, r.Reason)
	}
	return text
}
