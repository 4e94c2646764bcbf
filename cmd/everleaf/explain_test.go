package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
	"everleaf/ports"
)

// event is one that happened so long before noon.
func event(before time.Duration, kind, detail string) app.Event {
	return app.Event{At: noon.Add(-before), Type: kind, Detail: json.RawMessage(detail)}
}

func failedEvent(before time.Duration, reason, message string) app.Event {
	return event(before, "failed", fmt.Sprintf(`{"fault": {"kind": "Name", "reason": %q, "message": %q}, "attempts": 3, "at": "2026-11-22T10:00:00Z",
		"retryAt": "2026-11-22T11:00:00Z", "step": "AuthorizeOrder"}`, reason, message))
}

// explained runs the command on a timeline, with times as a person would see them at noon.
func explained(t *testing.T, timeline ports.Timeline, args ...string) string {
	t.Helper()
	b := newBench(t)
	b.timelines.EXPECT().Timeline(gomock.Any(), name, 100).Return(timeline, nil)
	b.exits(t, exitOK, b.run(t.Context(), append([]string{"cert", "explain", name, "--postgres-url", "p"}, args...)...))
	require.Equal(t, 1, b.closed)
	return b.out.String()
}

func TestExplainReadsLikeAStory(t *testing.T) {
	status := failing()
	status.Spec.Deliveries = []string{"edge", "web"}
	timeline := ports.Timeline{
		CertificateRecord: app.Record{Name: name, Phase: status.Phase, Spec: status.Spec, Issued: issued(),
			Failure: status.Failure},
		Wanted: &app.Spec{Names: []string{name, "shop.example.com"}, Deliveries: status.Spec.Deliveries},
		Deliveries: []domain.Delivery{
			{Target: "edge", Version: "v1", At: noon.Add(-time.Hour)},
			{Target: "web", Version: "v0", At: noon.Add(-49 * time.Hour), Failure: &app.Failure{
				Fault: app.Fault{Kind: domain.FaultWait, Reason: "TargetUnavailable", Message: "it does not answer."},
				At:    noon, RetryAt: noon.Add(time.Minute)}},
		},
		Events: []app.Event{
			failedEvent(time.Second, "ConnectionFailed", "no connection to 192.0.2.1"),
			event(2*time.Second, "placed", `{"issuer": "default", "url": "https://ca.example/1"}`),
			event(time.Minute, "delivery_failed",
				`{"target": "web", "fault": {"kind": "Wait", "reason": "TargetUnavailable", "message": "it does not answer."}}`),
			failedEvent(time.Hour, "ConnectionFailed", "no connection to 192.0.2.1"),
			failedEvent(2*time.Hour, "ConnectionFailed", "no connection to 192.0.2.1"),
			event(3*time.Hour, "changed", `{"changes": ["names: added shop.example.com"]}`),
			failedEvent(4*time.Hour, "ConnectionFailed", "another chapter"),
			event(24*time.Hour, "issued", `{"issuer": "default", "issuerCN": "Test CA", "serial": "0a1b", "notAfter": "2027-02-20T12:00:00Z"}`),
			event(25*time.Hour, "sang", `{"song": "in a newer release"}`),
			event(26*time.Hour, "failed", `["a shape that is not known"]`),
		},
		Earlier: true,
	}
	require.Equal(t, `www.example.com: a certificate is in service, and the last attempt to get one failed (severity: info)

In service
  Names: www.example.com
  Issuer: default (Test CA)
  Serial: 0a1b
  Valid from 2026-11-22 11:00:00 UTC (1h00m ago) until 2027-02-20 12:00:00 UTC (in 90d00h)

Asked for, and not in service yet
  names: added shop.example.com

Problem
  the CA saw 404 [2J at http://www.example.com (Name/Unauthorized)
  Failed 2026-11-22 11:59:59 UTC (1s ago), for the 2nd time in a row, at the step AuthorizeOrder
  What to do: The operator of Everleaf must look at the ACME account of this issuer (everleaf account list). When that is done, everleaf cert renew www.example.com tries at once.

What happens next
  2026-11-22 12:10:00 UTC (in 10m00s): Everleaf tries again.
  2026-11-22 12:01:00 UTC (in 1m00s): The certificate in service is delivered to web.

Deliveries
  edge: has the certificate in service, since 2026-11-22 11:00:00 UTC (1h00m ago)
  web: has an earlier certificate, since 2026-11-20 11:00:00 UTC (2d01h ago). The delivery failed 2026-11-22 12:00:00 UTC (now): `+
		`it does not answer (Wait/TargetUnavailable). Next try 2026-11-22 12:01:00 UTC (in 1m00s). `+
		`What to do: The target's operator must see that it answers; Everleaf delivers again by itself.

What happened, newest first
  2026-11-22 10:00:00 UTC (2h00m ago) to 2026-11-22 11:59:59 UTC (1s ago): 3 times the same, the last time: An attempt failed, at the step AuthorizeOrder: `+
		`no connection to 192.0.2.1 (Name/ConnectionFailed).
  2026-11-22 11:59:00 UTC (1m00s ago): The delivery to web failed: see above (Wait/TargetUnavailable).
  2026-11-22 09:00:00 UTC (3h00m ago): Somebody changed what is wanted: names: added shop.example.com.
  2026-11-22 08:00:00 UTC (4h00m ago): An attempt failed, at the step AuthorizeOrder: another chapter (Name/ConnectionFailed).
  2026-11-21 12:00:00 UTC (1d00h ago): Issued by default (Test CA), serial 0a1b, valid until 2027-02-20 12:00:00 UTC.
  2026-11-21 11:00:00 UTC (1d01h ago): sang {"song": "in a newer release"}
  2026-11-21 10:00:00 UTC (1d02h ago): failed ["a shape that is not known"]
  (there is more: give --events a higher number)
`, explained(t, timeline))
}

func TestExplainTellsEachKindOfEvent(t *testing.T) {
	const plan = `"plan": {"at": "2026-11-22T13:00:00Z", "message": "Renew then: why. The CA explains: https://ca.example/why"}`
	for _, c := range []struct{ kind, detail, says string }{
		{"placed", `{"issuer": "le"}`, "An order was placed at le."},
		{"created", `{"request": "r"}`, "Somebody asked for the certificate."},
		{"created", `{"caller": "alice@laptop"}`, "alice@laptop asked for the certificate."},
		{"renewal_requested", `{"note": "by hand", "caller": "alice@laptop"}`,
			"alice@laptop asked for a renewal, with the note: by hand."},
		{"released", `{"cancelled": true}`, "The workflow was cancelled, and the certificate released: from here on nobody kept it. Temporal's history of the workflow says who did that."},
		{"ensured", `{"caller": "shop"}`, "shop asked for what there was already, the last time."},
		{"changed", `{"changes": ["a", "b"]}`, "Somebody changed what is wanted: a; b."},
		{"resumed", `{}`, "Somebody asked for the certificate again."},
		{"resumed", `{"changes": ["a", "b"]}`, "Somebody asked for the certificate again, with changes: a; b."},
		{"renewal_requested", `{"note": ""}`, "Somebody asked for a renewal."},
		{"renewal_requested", `{"note": "the key was seen.", "force": true}`,
			"Somebody asked for a renewal that waits for no limit, with the note: the key was seen."},
		{"retirement_requested", `{}`, "Somebody retired the certificate."},
		{"retirement_requested", `{"removeDeliveries": true}`,
			"Somebody retired the certificate, and asked to have its targets cleared."},
		{"drifted", `{"target": "web", "drift": "tls.key is missing"}`,
			"The target web had lost what was delivered (tls.key is missing)."},
		{"renewal_planned", `{` + plan + `}`,
			"The renewal was planned for 2026-11-22 13:00:00 UTC (in 1h00m). Renew then: why. The CA explains: https://ca.example/why"},
		{"renewal_moved", `{"from": "2026-12-22T13:00:00Z", ` + plan + `}`,
			"The renewal was moved from 2026-12-22 13:00:00 UTC to 2026-11-22 13:00:00 UTC (in 1h00m). Renew then: why. The CA explains: https://ca.example/why"},
		{"fell_back", `{"issuer": "a", "next": "b", "fault": {"kind": "CA", "reason": "ServerError", "message": "500."}}`,
			"An attempt failed, with the issuer a: 500 (CA/ServerError). Another issuer was asked at once: b."},
		{"abandoned", `{"reason": "the spec changed"}`, "An order was abandoned: the spec changed."},
		{"key_lost", `{"order": "1", "reason": "the key of certificate \"shop\": damaged"}`,
			`The key could not be used again, so there is a new one: the key of certificate "shop": damaged.`},
		{"delivered", `{"target": "web", "serial": "0a", "confirmation": "204"}`, "Delivered to web: serial 0a (204)."},
		{"removed", `{"target": "web"}`, "Cleared from web."},
		{"revoked", `{"serial": "0a", "reason": "keyCompromise"}`,
			"The certificate with serial 0a was revoked (keyCompromise)."},
		{"revocation_requested", `{"serial": "0a", "reason": "superseded"}`,
			"Somebody asked to have the certificate with serial 0a replaced and then revoked (superseded)."},
		{"revocation_requested", `{"serial": "0a", "withoutReplacement": true}`,
			"Somebody asked to have the certificate with serial 0a revoked, at once."},
		{"released", `{}`, "The certificate was released: from here on nobody kept it."},
		{"export_failed", `{"by": "me@here", "through": "cli", "fault": {"kind": "Operator", "reason": "KeyForgotten", "message": "it was forgotten"}}`,
			"The private key was not taken out by me@here through cli after all: it was forgotten (Operator/KeyForgotten)."},
		{"exported", `{"by": "me@here", "through": "cli", "reason": "to look"}`,
			"The private key was taken out by me@here through cli (to look)."},
		{"renewal_planned", `{}`, "renewal_planned {}"},
	} {
		out := explained(t, ports.Timeline{CertificateRecord: app.Record{Name: name, Phase: domain.PhaseReady,
			Issued: issued()},
			Events: []app.Event{event(0, c.kind, c.detail)}})
		require.True(t, strings.HasSuffix(out, "2026-11-22 12:00:00 UTC (now): "+c.says+"\n"), out)
	}
}

func TestExplainForPrograms(t *testing.T) {
	timeline := ports.Timeline{CertificateRecord: app.Record{Name: name, Phase: domain.PhaseFailing,
		Failure: failing().Failure}, Events: []app.Event{
		event(0, "released", `{}`)}}
	var got struct {
		Name, Severity, Remedy string
		Next                   []app.Next
		Events                 []struct{ Type string }
	}
	require.NoError(t, json.Unmarshal([]byte(explained(t, timeline, "-o", "json")), &got))
	require.Equal(t, name, got.Name)
	require.Equal(t, "warning", got.Severity)
	require.NotEmpty(t, got.Remedy)
	require.Equal(t, []app.Next{{At: noon.Add(10 * time.Minute), What: "Everleaf tries again."}}, got.Next)
	require.Equal(t, "released", got.Events[0].Type)
}

func TestExplainRefusals(t *testing.T) {
	b := newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), "cert", "explain", name, "--postgres-url", "p", "--events=-1"))
	require.Contains(t, b.err.String(), "--events -1 cannot work")
	b = newBench(t)
	unknown := domain.NewFault(domain.FaultSpec, "UnknownCertificate", nil, "there is no certificate %q", name)
	b.timelines.EXPECT().Timeline(gomock.Any(), name, 7).Return(ports.Timeline{}, unknown)
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "explain", name, "--postgres-url", "p", "--events", "7"))
	require.Equal(t, "everleaf: there is no certificate \"www.example.com\"; if the first request for it was refused, everleaf cert status "+
		"www.example.com says why (Spec/UnknownCertificate)\n",
		b.err.String())
}

func TestExplainTellsWhatIsLeftAtTargets(t *testing.T) {
	timeline := ports.Timeline{
		CertificateRecord: app.Record{Name: name, Phase: domain.PhaseReady, Spec: app.Spec{Names: []string{name}},
			Issued: issued()},
		Deliveries: []domain.Delivery{{Target: "edge", Version: issued().Version, At: noon.Add(-time.Hour),
			Failure: &app.Failure{
				Fault: app.Fault{Kind: domain.FaultWait, Reason: "TargetUnavailable", Message: "it does not answer."},
				At:    noon, RetryAt: noon.Add(time.Minute), Step: domain.RemovalStep}}},
	}
	const has = "edge: has the certificate in service, since 2026-11-22 11:00:00 UTC (1h00m ago), left there by an earlier request; "
	out := explained(t, timeline)
	require.Contains(t, out, has+"to be cleared. Clearing it failed 2026-11-22 12:00:00 UTC (now): it does not answer")
	released := noon.Add(-time.Minute)
	timeline.ReleasedAt, timeline.Retirement, timeline.Deliveries[0].Failure = &released, domain.Released, nil
	require.Contains(t, explained(t, timeline), has+"nobody clears it\n")

	// Half cleared, and never contacted.
	timeline.Deliveries = []domain.Delivery{{Target: "edge", Contacted: true}, {Target: "never"}}
	out = explained(t, timeline)
	require.Contains(t, out, "edge: nobody knows whether it has a certificate; nobody clears it\n")
	require.Contains(t, out, "edge may keep the certificate, and nobody clears it there. To have it cleared, run")
	require.Contains(t, out, "never: nothing is there\n")
	require.NotContains(t, out, "never keeps")
	timeline.ReleasedAt, timeline.Retirement = nil, domain.Retiring
	require.Contains(t, explained(t, timeline), "edge: nobody knows whether it has a certificate\n")
	timeline.Retirement, timeline.Asked = "", &app.Spec{Names: []string{name}, Deliveries: []string{"edge"}}
	require.Contains(t, explained(t, timeline), "edge: nothing is there yet\n")
}
