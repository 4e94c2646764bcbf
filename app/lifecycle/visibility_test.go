package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

// seen are the search attributes as they were written, one line a write.
func (w *world) seen() *[]string {
	lines := &[]string{}
	w.upserted = func(attributes temporal.SearchAttributes) {
		state, _ := attributes.GetKeyword(searchState)
		issuer, _ := attributes.GetKeyword(searchIssuer)
		notAfter, _ := attributes.GetTime(searchNotAfter)
		next, _ := attributes.GetTime(searchNextRenewal)
		names, _ := attributes.GetKeywordList(searchNames)
		*lines = append(*lines, fmt.Sprintf("%s %s %s %s %v", state, issuer, in(notAfter), in(next), names))
	}
	return lines
}

func in(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Sub(start).String()
}

func TestSearchAttributes(t *testing.T) {
	w := newWorld(t)
	seen := w.seen()
	w.failures[ports.ObtainCertificate.Name] = []error{nameFault, nameFault}
	w.at(day, func() {
		w.record.Renewal = &domain.RenewalPlan{At: start.Add(10 * day), Reason: "ARIWindow"}
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.lives(spec, 2*day)
	require.Equal(t, []string{
		"Failing  - - [a.example.com]",
		"Ready default 2160h3m0s 1440h3m0s [a.example.com]",
		"Ready default 2160h3m0s 240h0m0s [a.example.com]",
	}, *seen, "a failure that follows another is not written, nor what is known")
}

// The next run does not write what this one has written.
func TestSearchAttributesAreHandedOn(t *testing.T) {
	w := newWorld(t)
	first := w.seen()
	w.at(day, func() {
		w.env.SetContinueAsNewSuggested(true)
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.run(ports.StartInput{Spec: spec})
	require.Len(t, *first, 1)
	later := w.again(0)
	second := later.seen()
	later.at(day, later.env.CancelWorkflow)
	later.run(w.next())
	require.Empty(t, *second)
}

func TestDetails(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.DeliverCertificate.Name] = []error{nil, waitFault}
	w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedSuperseded})
	var text string
	w.at(day+time.Second, func() { text = details(w.status()) })
	w.lives(delivered, day+time.Minute)
	require.Equal(t, `**Ready**

- names: a.example.com
- in service: serial 02 by default, until 2127-02-22T12:00:00Z
- renewal: 2127-01-23T12:00:00Z (ARIWindow)
- target lb: DatabaseUnavailable: the database does not answer; next try: 2126-11-24T12:01:00Z
- to be revoked: serial 01 (superseded)
`, text)
	require.Contains(t, details(domain.Status{Phase: domain.PhaseFailing, Step: "ObtainCertificate",
		Failure: &domain.Failure{
			Fault: *nameFault, Attempts: 2, At: start, RetryAt: start.Add(day), Step: "ObtainCertificate",
		}}), "failed at 2126-11-23T12:00:00Z in ObtainCertificate, attempt 2: Name/CAA: a.example.com: a CAA record forbids it")
}

func TestStatusInEachPhase(t *testing.T) {
	w := newWorld(t)
	seen := map[string]domain.Status{}
	for _, step := range []string{ports.ReserveOrder.Name, ports.ObtainCertificate.Name, ports.RecordFailure.Name} {
		w.meanwhile[step] = func() { w.inLoop(func() { seen[step] = w.status() }) }
	}
	w.failures[ports.ObtainCertificate.Name] = []error{nameFault}
	w.at(time.Second, func() { seen["failing"] = w.status() })
	w.at(day, func() { seen["asleep"] = w.status() })
	w.lives(spec, 2*day)
	for when, phase := range map[string]domain.Phase{
		ports.ReserveOrder.Name: domain.PhaseIssuing, ports.ObtainCertificate.Name: domain.PhaseIssuing,
		ports.RecordFailure.Name: domain.PhaseIssuing, "failing": domain.PhaseFailing, "asleep": domain.PhaseReady,
	} {
		require.Equal(t, phase, seen[when].Phase, when)
		require.Equal(t, certName, seen[when].Name, when)
	}
	require.Equal(t, nameFault.Reason, seen["failing"].Failure.Fault.Reason)
	require.Equal(t, "v1", seen["asleep"].Issued.Version)
	require.Equal(t, ports.ObtainCertificate.Name, seen[ports.ObtainCertificate.Name].Step)
}

// After a reset the workflow replays answers that an earlier run got. It does not report them as what is in service.
func TestStatusAfterAReset(t *testing.T) {
	w := newWorld(t)
	w.readBy = "run-0"
	var status domain.Status
	w.at(day, func() { status = w.status() })
	w.lives(spec, 2*day)
	require.Equal(t, domain.PhaseChecking, status.Phase)
	require.Nil(t, status.Issued)
}
