package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestEnsureAnswersWhenIssued(t *testing.T) {
	w := newWorld(t)
	var asked *answer
	w.meanwhile[ports.ObtainCertificate.Name] = func() {
		if asked == nil {
			asked = w.askNow(ports.EnsureUpdate, ensure)
		}
	}
	w.lives(spec, day)
	status := asked.ok(t)
	require.Equal(t, "v1", status.Issued.Version)
	require.Equal(t, domain.PhaseReady, status.Phase)
	require.Empty(t, status.Changes)
	require.Equal(t, []string{"ObtainCertificate"}, w.steps())
}

func TestEnsureOfTheSameIsAnsweredAtOnce(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(day, ports.EnsureUpdate, ensure)
	w.lives(spec, 2*day)
	require.Equal(t, "v1", asked.ok(t).Issued.Version)
	require.Equal(t, day, asked.at)
	require.Equal(t, []string{"ObtainCertificate"}, w.steps())
	recorded := inputsOf(w, ports.RecordRequest)
	require.Len(t, recorded, 2)
	require.Equal(t, spec.WithDefaults(), recorded[1].Before)
	require.Regexp(t, `^run-1/.+`, recorded[1].Request.ID)
	require.Equal(t, start.Add(day), recorded[1].Request.At)
}

func TestChangedEnsureReplaces(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(day, ports.EnsureUpdate, ensureChanged)
	w.lives(spec, 2*day)
	status := asked.ok(t)
	require.Equal(t, "v2", status.Issued.Version)
	require.Equal(t, []string{"names"}, status.Changes)
	require.Equal(t, changed.Names, status.Spec.Names)
	require.Equal(t, "v1", inputsOf(w, ports.ObtainCertificate)[1].Replaces)
	require.Equal(t, []time.Duration{renewal, renewal}, w.timers)
	require.Equal(t, 2, w.cancelled, "the renewal of what is replaced, and the last one")
}

// A change while a certificate is obtained is for the one after it.
func TestChangeInTheMiddleOfAnAttempt(t *testing.T) {
	w := newWorld(t)
	var asked *answer
	w.meanwhile[ports.ObtainCertificate.Name] = func() {
		if asked == nil {
			asked = w.askNow(ports.EnsureUpdate, ensureChanged)
		}
	}
	w.lives(spec, day)
	require.Equal(t, changed.Names, asked.ok(t).Issued.Names)
	obtained := inputsOf(w, ports.ObtainCertificate)
	require.Len(t, obtained, 2)
	require.Equal(t, spec.Names, obtained[0].Spec.Names)
	require.Equal(t, changed.Names, obtained[1].Spec.Names)
}

func TestRenewReplaces(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(day, ports.RenewUpdate, ports.RenewRequest{Note: "new key please"})
	w.lives(spec, 2*day)
	require.Equal(t, "v2", asked.ok(t).Issued.Version)
	require.Equal(t, "new key please", inputsOf(w, ports.RecordRequest)[1].Request.Note)
	require.False(t, inputsOf(w, ports.ObtainCertificate)[1].Force)
}

// A rate limit holds a Renew back, and force passes it.
func TestForcedRenew(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{limitedFault}
	held := w.ask(time.Minute, ports.RenewUpdate, ports.RenewRequest{})
	forced := w.ask(2*time.Minute, ports.RenewUpdate, ports.RenewRequest{Force: true})
	w.lives(spec, day)
	require.Contains(t, held.problem(t).Message, "next try at 2126-11-23T15:00:00Z")
	require.Equal(t, "v1", forced.ok(t).Issued.Version)
	require.Equal(t, 2*time.Minute, forced.at)
	require.True(t, inputsOf(w, ports.ObtainCertificate)[1].Force)
}

func TestCallersWaitThroughAShortProblem(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{briefFault}
	asked := w.ask(0, ports.EnsureUpdate, ensure)
	w.lives(spec, day)
	require.Equal(t, "v1", asked.ok(t).Issued.Version)
	require.Equal(t, 30*time.Second, asked.at)
}

// A CA that asks for one short wait after the other does not keep its callers for ever.
func TestACallerWaitsThroughFewFailures(t *testing.T) {
	w := newWorld(t)
	for range 10 {
		w.failures[ports.ObtainCertificate.Name] = append(w.failures[ports.ObtainCertificate.Name], briefFault)
	}
	asked := w.ask(0, ports.EnsureUpdate, ensure)
	w.lives(spec, day)
	require.Equal(t, domain.ReasonBusy, asked.problem(t).Reason)
	require.Equal(t, time.Minute, asked.at, "the third failure")
}

func TestManyCallersAtOnce(t *testing.T) {
	w := newWorld(t)
	var asked []*answer
	for i := range maxCallers {
		if i%2 == 0 {
			asked = append(asked, w.ask(day, ports.EnsureUpdate, ensureChanged))
		} else {
			asked = append(asked, w.ask(day, ports.RenewUpdate, ports.RenewRequest{Note: fmt.Sprint(i)}))
		}
	}
	w.lives(spec, 2*day)
	for _, a := range asked {
		require.NotEqual(t, "v1", a.ok(t).Issued.Version)
	}
	require.Len(t, inputsOf(w, ports.RecordRequest), maxCallers+1)
	require.LessOrEqual(t, len(inputsOf(w, ports.ObtainCertificate)), 3, "what they ask for is obtained together")
}

func TestValidatorsRefuse(t *testing.T) {
	w := newWorld(t)
	refused := []*answer{
		w.ask(time.Hour, ports.EnsureUpdate, ports.EnsureRequest{Spec: domain.Spec{Names: []string{"a_b.example.com"}}}),
		w.ask(time.Hour, ports.EnsureUpdate, ports.EnsureRequest{}),
		w.ask(time.Hour, ports.RevokeUpdate, ports.RevokeRequest{Reason: "boredom"}),
		w.ask(time.Hour, ports.RevokeUpdate, ports.RevokeRequest{SignedBy: "me"}),
	}
	w.lives(spec, day)
	for i, reason := range []domain.Reason{domain.ReasonNameUnderscore, domain.ReasonNoNames,
		domain.ReasonUnknownReason, domain.ReasonUnknownSigner} {
		require.False(t, refused[i].accepted, reason)
		require.Equal(t, reason, refused[i].problem(t).Reason)
	}
	require.Len(t, inputsOf(w, ports.RecordRequest), 1)
}

// A field that no build knows may be a wish: it is not ignored.
func TestValidatorsRefuseUnknownFields(t *testing.T) {
	for _, c := range []struct{ update, argument, says string }{
		{ports.EnsureUpdate, `{"spec": {"names": ["a.example.com"]}, "dry_run": true}`,
			`argument: "dry_run": there is no such field; there are caller, dryRun, expectedGeneration, spec; did you mean "dryRun"?`},
		{ports.EnsureUpdate, `{"spec": {"names": ["a.example.com"], "delivery": ["nginx"]}}`,
			`argument: "spec.delivery": there is no such field`},
		{ports.RenewUpdate, `{"Force": true}`, `did you mean "force"?`},
		{ports.RevokeUpdate, `{"without_replacement": true}`, `did you mean "withoutReplacement"?`},
		{ports.RetireUpdate, `{"deadline": 7}`, "this worker is older than the caller"},
	} {
		w := newWorld(t)
		refused := w.ask(time.Hour, c.update, raw(c.argument))
		w.lives(spec, day)
		require.False(t, refused.accepted, c.argument)
		require.Equal(t, domain.ReasonUnknownField, refused.problem(t).Reason, c.argument)
		require.Contains(t, refused.problem(t).Message, c.says)
		require.Len(t, inputsOf(w, ports.RecordRequest), 1, "the start's")
	}
}

// The server terminates a workflow whose update is too large for it to accept.
func TestValidatorsRefuseWhatIsTooLarge(t *testing.T) {
	for _, argument := range []string{`{"caller": "` + strings.Repeat("c", 64<<10) + `"}`,
		`{` + strings.Repeat(" ", 64<<10) + `}`} {
		w := newWorld(t)
		refused := w.ask(time.Hour, ports.RenewUpdate, raw(argument))
		w.lives(spec, day)
		require.False(t, refused.accepted)
		require.Equal(t, domain.ReasonInputTooLarge, refused.problem(t).Reason)
	}
}

func TestArgumentsOfAnotherType(t *testing.T) {
	w := newWorld(t)
	refused := w.ask(time.Hour, ports.EnsureUpdate, raw(`{"spec": {"names": "a.example.com"}}`))
	silent := w.ask(time.Hour, ports.RenewUpdate, raw(`null`))
	w.lives(spec, day)
	require.False(t, refused.accepted)
	require.Equal(t, domain.ReasonInputMalformed, refused.problem(t).Reason)
	require.Contains(t, refused.problem(t).Message, "spec.names")
	require.Equal(t, "v2", silent.ok(t).Issued.Version)
}

// A request that Postgres does not take is tried again, and its caller answered in the end.
func TestRequestThatIsNotRecorded(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.failures[ports.RecordRequest.Name] = []error{waitFault, waitFault, waitFault, waitFault}
	})
	asked := w.ask(2*time.Hour, ports.RenewUpdate, ports.RenewRequest{})
	w.lives(spec, day)
	require.Equal(t, domain.ReasonDatabaseUnavailable, asked.problem(t).Reason)
	require.Less(t, asked.at, 2*time.Hour+time.Minute)
}

// The server lets ten updates wait: those who want a certificate leave room for who wants it revoked and retired.
func TestCallersLeaveRoom(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{briefFault, briefFault}
	var waiting []*answer
	for range maxCallers {
		waiting = append(waiting, w.ask(time.Second, ports.RenewUpdate, ports.RenewRequest{}))
	}
	refused := w.ask(2*time.Second, ports.RenewUpdate, ports.RenewRequest{})
	ensured := w.ask(2*time.Second, ports.EnsureUpdate, ensure)
	revoked := w.ask(2*time.Second, ports.RevokeUpdate, ports.RevokeRequest{})
	later := w.ask(time.Minute, ports.RenewUpdate, ports.RenewRequest{})
	w.lives(spec, day)
	require.Equal(t, domain.ReasonTooManyCallers, refused.problem(t).Reason)
	require.False(t, refused.accepted)
	require.Equal(t, domain.ReasonTooManyCallers, ensured.problem(t).Reason)
	require.True(t, revoked.accepted)
	for _, a := range append(waiting, later) {
		require.NotNil(t, a.ok(t).Issued)
	}
}
