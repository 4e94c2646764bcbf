package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// onlooker is a keeper that sees what is at work.
type onlooker struct {
	*mocks.MockEditor
	work []app.Work
}

func (o onlooker) Work(context.Context, string) ([]app.Work, error) { return o.work, nil }

func (b *bench) seeing(work ...app.Work) {
	b.onlooker = func() app.Editor { return onlooker{b.keeper, work} }
}

func stored() ports.Timeline {
	timeline := ports.Timeline{CertificateRecord: ports.CertificateRecord{Name: name, Phase: domain.PhaseReady,
		Spec:   app.Spec{Names: []string{name}},
		Issued: issued(), Renewal: ready().Renewal}}
	timeline.Order = &ports.OrderAtWork{Issuer: "main", Since: noon.Add(-2 * time.Minute)}
	return timeline
}

func fault(kind domain.FaultKind, reason domain.Reason, message string) error {
	return domain.NewFault(kind, reason, nil, "%s", message)
}

func TestStatusFallsBackToPostgres(t *testing.T) {
	silent := fault(domain.FaultWait, domain.ReasonNoWorker, "no worker answers")
	b := newBench(t)
	b.seeing(app.Work{Step: "ObtainCertificate", Queue: "everleaf-authorization", Since: noon.Add(-time.Minute),
		Attempt: 1})
	b.keeper.EXPECT().Status(gomock.Any(), name).Return(app.Status{}, silent)
	b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).Return(stored(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "status", name, "--postgres-url", "p"))
	require.Equal(t, `Certificate  www.example.com
Phase        Ready
Answered by  Postgres, since no worker answers
Doing        A certificate is being obtained, and the issuer main is waited for, since 2026-11-22 11:58:00 UTC (2m00s ago). It has not taken the order yet.
At work      ObtainCertificate: no worker has taken it from the queue everleaf-authorization since 2026-11-22 11:59:00 UTC (1m00s ago)
Names        www.example.com
Issuer       default (Test CA)
Serial       0a1b
Valid from   2026-11-22 11:00:00 UTC (1h00m ago)
Valid until  2027-02-20 12:00:00 UTC (in 90d00h)
Renewal      2027-01-21 12:00:00 UTC (in 60d00h)
Because      in the CA's window
Workflow     certificate/www.example.com
`, b.out.String())

	b = newBench(t)
	b.keeper.EXPECT().Status(gomock.Any(), name).Return(app.Status{}, silent)
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "status", name))
	require.Contains(t, b.err.String(), "no worker answers; with --postgres-url (EVERLEAF_POSTGRES_URL), what Postgres knows is shown")
}

// A workflow that says nothing is waited for as long as people wait, and no longer.
func TestStatusDoesNotWaitForASilentWorkflow(t *testing.T) {
	b := newBench(t)
	b.keeper.EXPECT().Status(gomock.Any(), name).DoAndReturn(func(ctx context.Context, _ string) (app.Status, error) {
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.LessOrEqual(t, time.Until(deadline), statusWithin)
		<-ctx.Done()
		return app.Status{}, ctx.Err()
	})
	b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).Return(stored(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "status", name, "--postgres-url", "p", "-o", "json"))
	var answer struct {
		Name    string
		Because struct{ Reason string }
		Stored  struct{ Doing []string }
	}
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &answer))
	require.Equal(t, name, answer.Name)
	require.Equal(t, "NoAnswer", answer.Because.Reason)
	require.Len(t, answer.Stored.Doing, 1)
}

func TestStatusOfACertificateWithoutAWorkflow(t *testing.T) {
	for reason, released := range map[domain.Reason]bool{domain.ReasonWorkflowEnded: false,
		domain.ReasonUnknownCertificate: true} {
		b := newBench(t)
		timeline, code, phase := stored(), exitProblem, "NoWorkflow"
		if timeline.Order = nil; released {
			at := noon.Add(-time.Hour)
			timeline.ReleasedAt, timeline.Retirement, code, phase = &at, domain.Released, exitOK, "Released"
		}
		b.keeper.EXPECT().Status(gomock.Any(), name).Return(app.Status{},
			fault(domain.FaultSpec, reason, "its workflow is terminated"))
		b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).Return(timeline, nil)
		b.exits(t, code, b.run(t.Context(), "cert", "status", name, "--postgres-url", "p"))
		require.Contains(t, b.out.String(), "Phase        "+phase+
			"\nAnswered by  Postgres, since its workflow is terminated\n")
		require.Equal(t, !released, b.err.String() != "")
		if !released {
			require.Contains(t, b.out.String(), "To start one: everleaf cert ensure "+name)
		}
	}
}

// What nobody keeps must be started before it is retired; what was being retired goes on as it was asked for.
func TestStatusAdvisesWhatNobodyKeeps(t *testing.T) {
	for retirement, says := range map[domain.Retirement]string{
		"":              "If it is not wanted any more: the same, and then everleaf cert retire " + name + ".",
		domain.Retiring: "no workflow goes on with its retirement. To have one go on: everleaf cert retire " + name + ".",
		domain.Clearing: "To have one go on: everleaf cert retire " + name + " --remove-deliveries.",
	} {
		b := newBench(t)
		timeline := stored()
		timeline.Order, timeline.Retirement = nil, retirement
		b.keeper.EXPECT().Status(gomock.Any(), name).Return(app.Status{},
			fault(domain.FaultSpec, domain.ReasonWorkflowEnded, "its workflow is terminated"))
		b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).Return(timeline, nil)
		b.exits(t, exitProblem, b.run(t.Context(), "cert", "status", name, "--postgres-url", "p"))
		require.Contains(t, b.out.String(), "Phase        NoWorkflow")
		require.Contains(t, b.out.String(), says)
		require.Equal(t, retirement == "", strings.Contains(b.out.String(), "cert ensure"))
	}
}

func TestStatusThatNobodyKnows(t *testing.T) {
	unknown := fault(domain.FaultSpec, domain.ReasonUnknownCertificate, "is not kept here")
	for says, problem := range map[string]error{
		"everleaf: is not kept here (Spec/UnknownCertificate)\n":                                       unknown,
		"everleaf: is not kept here; nor does Postgres answer: it is away (Spec/UnknownCertificate)\n": fault(domain.FaultWait, domain.ReasonDatabaseUnavailable, "it is away"),
	} {
		b := newBench(t)
		b.keeper.EXPECT().Status(gomock.Any(), name).Return(app.Status{}, unknown)
		b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).Return(ports.Timeline{}, problem)
		b.exits(t, exitProblem, b.run(t.Context(), "cert", "status", name, "--postgres-url", "p"))
		require.Equal(t, says, b.err.String())
	}
}

// While somebody waits, what was seen last shows, and how long it is looked for.
func TestProgressShowsWhatWasSeen(t *testing.T) {
	b := newBench(t)
	clock := noon
	b.now = func() time.Time { return clock }
	work := app.Work{Step: "ObtainCertificate", Started: true, Worker: "w",
		Look: domain.Look{For: "the challenge to be seen from here",
			Seen: "ns1 does not have it yet", Since: noon, Until: noon.Add(2 * time.Minute)}}
	status := app.Status{Phase: domain.PhaseIssuing, Step: "ObtainCertificate"}
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(status, nil)
	keys := map[string]bool{}
	look := func() string {
		key, line, _ := b.look(t.Context(), onlooker{b.keeper, []app.Work{work}}, name)
		keys[key] = true
		return line
	}
	require.Equal(t, "www.example.com: issuing, step ObtainCertificate: waits for the challenge to be seen from here; since 2026-11-22 12:00:00 UTC (now); "+
		"last answer: ns1 does not have it yet; gives up in 2m00s", look())
	clock = clock.Add(time.Second)
	look()
	clock = clock.Add(time.Second)
	look()
	require.Len(t, keys, 2, "the same is not said each second")
	work.Seen = "ns2 does not have it yet"
	require.Contains(t, look(), "ns2")
	require.Len(t, keys, 3)
	clock = clock.Add(30 * time.Second)
	require.Contains(t, look(), "gives up in 1m28s")
	require.Len(t, keys, 4, "the time left shows now and then")
}
