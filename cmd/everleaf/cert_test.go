package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
	"everleaf/ports"
)

const name = "www.example.com"

func ready() app.Status {
	return app.Status{
		Name: name, Phase: domain.PhaseReady, Cycle: 1, Spec: app.Spec{Names: []string{name}}, Issued: issued(),
		Renewal: &app.RenewalPlan{At: noon.Add(60 * 24 * time.Hour), Reason: "CAWindow", Message: "in the CA's window"},
	}
}

func failing() app.Status {
	return app.Status{
		Name: name, Phase: domain.PhaseFailing, Spec: app.Spec{Names: []string{name}},
		Failure: &app.Failure{
			Fault: *domain.NewFault(domain.FaultName, "Unauthorized", nil,
				"the CA saw 404\x1b[2J\nat http://www.example.com"),
			Attempts: 2, At: noon.Add(-time.Second), RetryAt: noon.Add(10 * time.Minute), Step: "AuthorizeOrder",
		},
	}
}

func TestEnsureShowsProgressAndResult(t *testing.T) {
	b := newBench(t)
	// The keeper answers once three lines of progress are out.
	steps := []app.Status{
		{Phase: domain.PhaseIssuing, Step: "ReserveOrder"}, {Phase: domain.PhaseIssuing, Step: "ReserveOrder"},
		failing(), failing(),
		{Phase: domain.PhaseIssuing, Step: "ObtainCertificate"},
	}
	var known atomic.Bool
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().DoAndReturn(func(context.Context, string) (app.Status,
		error) {
		if !known.Load() {
			return app.Status{}, app.UnknownCertificate(name)
		}
		step := steps[0]
		if len(steps) > 1 {
			steps = steps[1:]
		}
		return step, nil
	})
	b.keeper.EXPECT().EnsureWith(gomock.Any(), name,
		app.EnsureRequest{Spec: app.Spec{Names: []string{name}}, ExpectedGeneration: new(int64)}).
		DoAndReturn(func(ctx context.Context, _ string, _ app.EnsureRequest) (app.Status, error) {
			known.Store(true)
			for !strings.Contains(b.err.String(), "ObtainCertificate\n") && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			return ready(), ctx.Err()
		})
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name))
	require.Equal(t, "www.example.com: issuing, step ReserveOrder\n"+
		"www.example.com: failing at step AuthorizeOrder, attempt 2: the CA saw 404 [2J at http://www.example.com "+
		"(Name/Unauthorized); next try 2026-11-22 12:10:00 UTC (in 10m00s)\n"+
		"www.example.com: issuing, step ObtainCertificate\n", b.err.String())
	require.Equal(t, `Certificate  www.example.com
Phase        Ready
Names        www.example.com
Issuer       default (Test CA)
Serial       0a1b
Valid from   2026-11-22 11:00:00 UTC (1h00m ago)
Valid until  2027-02-20 12:00:00 UTC (in 90d00h)
Renewal      2027-01-21 12:00:00 UTC (in 60d00h)
Because      in the CA's window
Obtained     1 certificate
Workflow     certificate/www.example.com
`, b.out.String())
	require.Equal(t, 1, b.closed)
}

func TestStatusSaysThatTheCertificateIsRevoked(t *testing.T) {
	b := newBench(t)
	revoked := ready()
	revoked.Issued.Revoked = true
	b.keeper.EXPECT().Status(gomock.Any(), name).Return(revoked, nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "status", name))
	require.Contains(t, b.out.String(), "Revoked      yes, while in service; ")
}

// A Revoke says what was revoked: once it is replaced, the card shows another certificate.
func TestRevokeSaysWhichSerial(t *testing.T) {
	for serial, says := range map[string]string{"0badcafe": "Revoked      serial 0badcafe\n",
		ready().Issued.Serial: "Revoked      yes"} {
		b := newBench(t)
		revoked := ready()
		revoked.Revoked, revoked.Issued.Revoked = serial, serial == revoked.Issued.Serial
		b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(ready(), nil)
		b.keeper.EXPECT().Revoke(gomock.Any(), name, gomock.Any()).Return(revoked, nil)
		b.exits(t, exitOK, b.run(t.Context(), "cert", "revoke", name))
		require.Contains(t, b.out.String(), says)
		require.Equal(t, 1, strings.Count(b.out.String(), "Revoked "))
	}
}

// That a workflow has ended is no retirement where Postgres has the certificate as kept.
func TestRetireOfWhatPostgresKeeps(t *testing.T) {
	at := noon
	for says, c := range map[string]struct {
		released *time.Time
		already  bool
		problem  error
		code     int
	}{
		"run `everleaf cert ensure " + name + "`, and then `everleaf cert retire " + name +
			"` again (Spec/WorkflowEnded)": {already: true, code: exitProblem},
		"whether it is retired in Postgres is not known: it is away": {already: true, code: exitProblem,
			problem: fault(domain.FaultWait, domain.ReasonDatabaseUnavailable, "it is away")},
		"Released, already before": {already: true, released: &at},
		"Phase        Released\n":  {},
	} {
		b := newBench(t)
		b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(ready(), nil)
		b.keeper.EXPECT().Retire(gomock.Any(), name, app.RetireRequest{}).
			Return(app.Status{Name: name, Phase: domain.PhaseReleased, Already: c.already}, nil)
		if c.already {
			timeline := ports.Timeline{}
			timeline.ReleasedAt = c.released
			b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).Return(timeline, c.problem)
		}
		b.exits(t, c.code, b.run(t.Context(), "cert", "retire", name, "--postgres-url", "p"))
		require.Contains(t, b.out.String()+b.err.String(), says)
	}
}

func TestExitCodes(t *testing.T) {
	problem := domain.NewFault(domain.FaultName, "Unauthorized", errors.New("404\nnot found"),
		"the CA saw something else")
	answered := domain.NewFault(domain.FaultName, "Unauthorized", nil,
		"the CA saw 404 (next try at 2026-11-22T12:10:00Z)")
	limited := domain.NewFault(domain.FaultRateLimited, "RateLimited", nil,
		"too many (next try at 2026-11-22T12:10:00Z)").WithRetryAfter(time.Hour)
	noWorker := domain.NewFault(domain.FaultWait, "NoWorker", nil, "no worker answers on task queue \"everleaf\"")
	until := func(ctx context.Context, _ string, _ app.RenewRequest) (app.Status, error) {
		<-ctx.Done()
		return app.Status{}, ctx.Err()
	}
	answer := func(err error) func(context.Context, string, app.RenewRequest) (app.Status, error) {
		return func(context.Context, string, app.RenewRequest) (app.Status, error) { return app.Status{}, err }
	}
	for _, c := range []struct {
		title  string
		renew  func(context.Context, string, app.RenewRequest) (app.Status, error)
		status error
		args   []string
		code   int
		says   string
	}{
		{"a problem, and when it is tried again", answer(problem), nil, nil, exitProblem,
			"everleaf: the CA saw something else: 404 not found; next try 2026-11-22 12:10:00 UTC (in 10m00s) (Name/Unauthorized)\n"},
		{"a problem that says so itself", answer(answered), nil, nil, exitProblem,
			"everleaf: the CA saw 404 (next try at 2026-11-22 12:10:00 UTC (in 10m00s)); once that is solved, everleaf cert renew www.example.com tries at once (Name/Unauthorized)\n"},
		{"a wait that a CA asked for", answer(limited), nil, nil, exitProblem,
			"everleaf: too many (next try at 2026-11-22 12:10:00 UTC (in 10m00s)) (RateLimited/RateLimited)\n"},
		{"too late", until, noWorker, []string{"--timeout", "100ms"}, exitTimeout,
			"www.example.com: waiting: no worker answers on task queue \"everleaf\"\n" +
				"everleaf: no result after 100ms; the workflow certificate/www.example.com goes on: see `everleaf cert status www.example.com`\n"},
	} {
		t.Run(c.title, func(t *testing.T) {
			b := newBench(t)
			b.poll = time.Hour // one look
			status := failing()
			if c.status == nil {
				// Progress may or may not get its look in before the answer; it has nothing to say here.
				status.Phase = domain.PhaseReady
			}
			b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(status, c.status)
			b.keeper.EXPECT().Renew(gomock.Any(), name, app.RenewRequest{}).DoAndReturn(c.renew)
			b.exits(t, c.code, b.run(t.Context(), append([]string{"cert", "renew", name}, c.args...)...))
			require.Equal(t, c.says, b.err.String())
			require.Empty(t, b.out.String())
		})
	}
}

func TestInterruptEndsCleanly(t *testing.T) {
	b := newBench(t)
	ctx, interrupt := context.WithCancel(t.Context())
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(ready(), nil)
	b.keeper.EXPECT().Renew(gomock.Any(), name,
		app.RenewRequest{Note: "by hand"}).DoAndReturn(func(ctx context.Context, _ string,
		_ app.RenewRequest) (app.Status, error) {
		interrupt()
		<-ctx.Done()
		return app.Status{}, ctx.Err()
	})
	b.exits(t, exitInterrupted, b.run(ctx, "cert", "renew", name, "--note", "by hand"))
	require.Equal(t, "everleaf: interrupted; the workflow certificate/www.example.com goes on\n", b.err.String())
}

func TestStatusShowsAFailure(t *testing.T) {
	b := newBench(t)
	b.keeper.EXPECT().Status(gomock.Any(), name).Return(failing(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "status", name))
	require.Equal(t, `Certificate  www.example.com
Phase        Failing
Names        www.example.com
Problem      Name/Unauthorized: the CA saw 404 [2J at http://www.example.com
Failed       2026-11-22 11:59:59 UTC (1s ago), attempt 2, step AuthorizeOrder
Next try     2026-11-22 12:10:00 UTC (in 10m00s)
What to do   The operator of Everleaf must look at the ACME account of this issuer (everleaf account list). When that is done, everleaf cert renew www.example.com tries at once.
Obtained     none yet
Workflow     certificate/www.example.com
`, b.out.String())

	unknown := domain.NewFault(domain.FaultSpec, "UnknownCertificate", nil, "certificate %q is not kept here", name)
	b.keeper.EXPECT().Status(gomock.Any(), name).Return(app.Status{}, unknown)
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "status", name))
	require.Equal(t, "everleaf: certificate \"www.example.com\" is not kept here (Spec/UnknownCertificate)\n",
		b.err.String())
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "now"}, {999 * time.Millisecond, "now"}, {-500 * time.Millisecond, "now"}, {59 * time.Second, "in 59s"},
		{-61 * time.Second, "1m01s ago"}, {90 * time.Minute, "in 1h30m"}, {24 * time.Hour, "in 1d00h"},
		{-50 * time.Hour, "2d02h ago"},
	} {
		require.Equal(t, c.want, distance(c.d))
	}
}
