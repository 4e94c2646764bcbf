package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

func TestFirstIssuanceAndRenewal(t *testing.T) {
	w := newWorld(t)
	w.lives(spec, 61*day)
	require.Equal(t, []string{
		"RecordRequest@0s", "ReserveOrder@0s", "ObtainCertificate@0s",
		"ReserveOrder@1440h0m0s", "ObtainCertificate@1440h0m0s",
		"RecordReleased@1464h0m0s",
	}, w.calls)
	require.Equal(t, []time.Duration{renewal, renewal}, w.timers, "one timer a renewal")
	obtained := inputsOf(w, ports.ObtainCertificate)
	require.Equal(t, certName, obtained[0].Certificate)
	require.Equal(t, spec.WithDefaults(), obtained[0].Spec)
	require.Equal(t, domain.DefaultIssuer, obtained[0].Issuer)
	require.Empty(t, obtained[0].Replaces)
	require.Zero(t, obtained[0].Planned)
	require.Equal(t, "v1", obtained[1].Replaces)
	require.Equal(t, start.Add(renewal), obtained[1].Planned)
	require.Equal(t, "v2", w.record.Issued.Version)
	recorded := inputsOf(w, ports.RecordRequest)
	require.Equal(t, "run-1/start", recorded[0].Request.ID)
	require.Equal(t, domain.RequestStart, recorded[0].Request.Kind)
}

func TestOrderWaitsForTheBudget(t *testing.T) {
	w := newWorld(t)
	w.slow = 2 * time.Hour
	w.lives(spec, day)
	require.Equal(t, []string{
		"RecordRequest@0s", "ReserveOrder@0s", "ObtainCertificate@2h0m0s", "RecordReleased@24h0m0s",
	}, w.calls)
}

func TestFailureIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{nameFault, waitFault}
	w.lives(spec, day)
	require.Equal(t, []string{
		"RecordRequest@0s",
		"ReserveOrder@0s", "ObtainCertificate@0s", "RecordFailure@0s",
		"ReserveOrder@1m0s", "ObtainCertificate@1m0s", "RecordFailure@1m0s",
		"ReserveOrder@3m0s", "ObtainCertificate@3m0s",
		"RecordReleased@24h0m0s",
	}, w.calls)
	failures := inputsOf(w, ports.RecordFailure)
	require.Equal(t, ports.ObtainCertificate.Name, failures[0].Step)
	require.Equal(t, *nameFault, failures[0].Fault)
	require.Equal(t, start, failures[0].At)
	require.Equal(t, spec.WithDefaults(), failures[0].Spec)
	require.Equal(t, domain.DefaultIssuer, failures[0].Issuer)
	require.Nil(t, failures[0].Previous)
	require.Equal(t, 1, failures[1].Previous.Attempts)
}

func TestNextIssuerIsAsked(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{caFault}
	w.lives(domain.Spec{Names: spec.Names, Issuers: []string{"first", "second"}}, 61*day)
	var issuers []string
	for _, in := range inputsOf(w, ports.ObtainCertificate) {
		issuers = append(issuers, in.Issuer)
	}
	require.Equal(t, []string{"first", "second", "first"}, issuers, "each renewal begins with the first")
	require.Equal(t, "second", inputsOf(w, ports.ReserveOrder)[1].Issuer,
		"the budget is that of the issuer that is asked")
	require.Empty(t, inputsOf(w, ports.RecordFailure)[0].Tried)
}

func TestBothIssuersFail(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{caFault, caFault}
	asked := w.ask(0, ports.EnsureUpdate, ports.EnsureRequest{Spec: domain.Spec{Names: spec.Names,
		Issuers: []string{"first", "second"}}})
	w.lives(domain.Spec{Names: spec.Names, Issuers: []string{"first", "second"}}, 30*time.Second)
	require.Equal(t, caFault.Reason, asked.problem(t).Reason)
	require.Len(t, inputsOf(w, ports.RecordFailure)[1].Tried, 1)
}

// A step that Temporal gave up has a fault as well.
func TestTimedOutStep(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
		nil)}
	w.lives(spec, 30*time.Second)
	require.Equal(t, domain.ReasonStepTimedOut, inputsOf(w, ports.RecordFailure)[0].Fault.Reason)
}

func TestLostPlanIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.at(day, func() {
		w.record.Renewal = nil
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.lives(spec, 2*day)
	require.NotNil(t, w.record.Renewal)
	require.Equal(t, "v1", w.record.Issued.Version)
}
