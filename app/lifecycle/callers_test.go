package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"everleaf/domain"
	"everleaf/ports"
)

// answer is what a caller of an update gets, and when.
type answer struct {
	accepted, done bool
	at             time.Duration
	status         domain.Status
	err            error
}

// ask sends an update after a while; askNow sends it from within a step and returns when it is accepted or rejected.
func (w *world) ask(after time.Duration, update string, request any) *answer {
	a := &answer{}
	w.at(after, func() { w.send(update, request, a, func() {}) })
	return a
}

func (w *world) askNow(update string, request any) *answer {
	a, heard := &answer{}, make(chan struct{})
	w.at(0, func() { w.send(update, request, a, func() { close(heard) }) })
	<-heard
	return a
}

func (w *world) send(update string, request any, a *answer, heard func()) {
	finish := func(err error) {
		if err != nil {
			wire := temporal.GetDefaultFailureConverter() // err as the other side of the server gets it
			a.err = wire.FailureToError(wire.ErrorToFailure(err))
		}
		a.done, a.at = true, w.since()
	}
	w.env.UpdateWorkflow(update, "", &testsuite.TestUpdateCallback{
		OnAccept: func() { a.accepted = true; heard() },
		OnReject: func(err error) { finish(err); heard() },
		OnComplete: func(value any, err error) {
			a.status, _ = value.(domain.Status)
			finish(err)
		},
	}, request)
}

// ok requires that the caller got a status.
func (a *answer) ok(t testing.TB) domain.Status {
	t.Helper()
	require.True(t, a.done, "no answer")
	require.NoError(t, a.err)
	return a.status
}

// problem is the fault that the caller got.
func (a *answer) problem(t testing.TB) domain.Fault {
	t.Helper()
	require.True(t, a.done, "no answer")
	return faultIn(t, a.err)
}

func faultIn(t testing.TB, err error) (fault domain.Fault) {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.NoError(t, application.Details(&fault))
	require.Equal(t, string(fault.Kind), application.Type())
	require.True(t, application.NonRetryable())
	return fault
}

var (
	ensure        = ports.EnsureRequest{Spec: spec}
	ensureChanged = ports.EnsureRequest{Spec: changed}

	nameFault = &domain.Fault{Kind: domain.FaultName, Reason: "CAA",
		Message: "a.example.com: a CAA record forbids it"}
	waitFault = &domain.Fault{Kind: domain.FaultWait, Reason: "DatabaseUnavailable",
		Message: "the database does not answer"}
	limitedFault = &domain.Fault{Kind: domain.FaultRateLimited, Reason: "RateLimited", Message: "too many",
		RetryAfter: 3 * time.Hour}
	briefFault = &domain.Fault{Kind: domain.FaultWait, Reason: "Busy", Message: "the CA is busy",
		RetryAfter: 30 * time.Second}
	caFault = &domain.Fault{Kind: domain.FaultCA, Reason: "CAUnavailable", Message: "the CA is down"}
)
