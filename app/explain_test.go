package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/app/explain"
	"everleaf/domain"
	"everleaf/ports"
)

func TestExplainSaysWhatHappensNext(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(hours time.Duration) *time.Time { instant := now.Add(hours * time.Hour); return &instant }
	issued := &Issued{Version: "v1", NotBefore: *at(-10), NotAfter: *at(80)}
	plan := &RenewalPlan{At: *at(50), Message: "Renew then: why."}
	failed := func(kind domain.FaultKind, reason domain.Reason) *Failure {
		return &Failure{Fault: Fault{Kind: kind, Reason: reason}, At: now, RetryAt: *at(1)}
	}
	spec := Spec{Names: []string{"a.example.com"}}
	wider := Spec{Names: []string{"a.example.com", "b.example.com"}}
	for _, c := range []struct {
		title    string
		timeline ports.Timeline
		want     Explanation
	}{
		{"at rest", ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseReady, Issued: issued, Renewal: plan},
			NextCheck: at(6)},
			Explanation{Severity: domain.SeverityNone, Next: []Next{
				{At: *at(6), What: "The CA is asked whether it wants the certificate replaced at another time."},
				{At: *at(50), What: "The certificate is replaced. Renew then: why."}}}},
		{"the CA does not answer", ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseReady, Issued: issued,
			Renewal: plan}, NextCheck: at(6), CheckFailure: "503"},
			Explanation{Severity: domain.SeverityNone, Next: []Next{
				{At: *at(6), What: "The CA is asked whether it wants the certificate replaced at another time. The last question had no answer: 503"},
				{At: *at(50), What: "The certificate is replaced. Renew then: why."}}}},
		{"failing, with another one in service",
			ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseFailing, Issued: issued,
				Failure: failed(domain.FaultCA, "ServerError")}},
			Explanation{Severity: domain.SeverityInfo, Remedy: explain.Remedy(domain.FaultCA, "ServerError", ""),
				Next: []Next{{At: *at(1), What: "Everleaf tries again."}}}},
		{"limited before the first", ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseFailing,
			Failure: failed(domain.FaultRateLimited, "RateLimited")}},
			Explanation{Severity: domain.SeverityWarning,
				Remedy: explain.Remedy(domain.FaultRateLimited, "RateLimited", ""),
				Next:   []Next{{At: *at(1), What: "Everleaf tries again: the CA asked to wait until then."}}}},
		{"a change under way", ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseIssuing, Spec: spec,
			Issued: issued}, Wanted: &wider},
			Explanation{Severity: domain.SeverityNone, Changes: []string{"names: added b.example.com"},
				Next: []Next{{What: "A certificate is being obtained right now."}}}},
		{"just issued", ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseReady, Issued: issued}},
			Explanation{Severity: domain.SeverityNone,
				Next: []Next{{What: "The renewal is planned as soon as a worker goes on with the workflow."}}}},
		{"a target that does not have it", ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseReady,
			Spec: Spec{Deliveries: []string{"edge", "web"}}, Issued: issued, Renewal: plan},
			Deliveries: []domain.Delivery{{Target: "edge", Version: "v1"},
				{Target: "web", Version: "v0", Failure: failed(domain.FaultWait, "TargetUnavailable")}}},
			Explanation{Severity: domain.SeverityNone, Next: []Next{
				{At: *at(50), What: "The certificate is replaced. Renew then: why."},
				{At: *at(1), What: "The certificate in service is delivered to web."}}}},
		{"revocations that wait", ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseReady, Issued: issued,
			Renewal: plan}, Revoking: []domain.Revocation{
			{Issued: Issued{Version: "v0", Serial: "00"}, Reason: domain.RevokedSuperseded, After: *at(2)},
			{Issued: Issued{Version: "v1", Serial: "01"}},
			{Issued: Issued{Version: "v2", Serial: "02"},
				Failure: &Failure{RetryAt: *at(3),
					Fault: Fault{Kind: domain.FaultCA, Reason: "ServerError", Message: "500"}}},
			{Issued: Issued{Version: "v1", Serial: "01"}, WithoutReplacement: true}}},
			Explanation{Severity: domain.SeverityNone, Next: []Next{
				{At: *at(50), What: "The certificate is replaced. Renew then: why."},
				{At: *at(2), What: "The certificate with serial 00 (superseded) is revoked: then at the latest, and as soon as all targets have its replacement."},
				{What: "The certificate with serial 01 is revoked once it is replaced, and its targets have its replacement."},
				{At: *at(3), What: "The certificate with serial 02 is revoked: Everleaf tries again. The last try failed: 500 (CA/ServerError). What to do: " +
					explain.Remedy(domain.FaultCA, "ServerError", "")},
				{What: "The certificate with serial 01 is revoked right now."}}}},
		{"retired, with a revocation left", ports.Timeline{CertificateRecord: Record{Name: "web",
			Phase: domain.PhaseReady, ReleasedAt: at(-1), Retirement: domain.Released},
			Revoking: []domain.Revocation{{Issued: Issued{Serial: "00"}}}},
			Explanation{Severity: domain.SeverityNone, Next: []Next{
				{What: "Nothing: nobody keeps this certificate any more, and nobody renews it. To keep it again, run everleaf cert ensure web."},
				{What: "The certificate with serial 00 was to be revoked, and is not: who keeps it again goes on with that."}}}},
		{"retired", ports.Timeline{CertificateRecord: Record{Name: "web", Phase: domain.PhaseFailing,
			ReleasedAt: at(-1), Retirement: domain.Released, Failure: failed(domain.FaultCA, "ServerError")}},
			Explanation{Severity: domain.SeverityNone, Next: []Next{
				{What: "Nothing: nobody keeps this certificate any more, and nobody renews it. To keep it again, run everleaf cert ensure web."}}}},
	} {
		t.Run(c.title, func(t *testing.T) {
			c.want.Timeline = c.timeline
			require.Equal(t, c.want, Explain(now, c.timeline))
		})
	}
	left := ports.Timeline{CertificateRecord: Record{Name: "web", Phase: domain.PhaseReady,
		Spec: Spec{Deliveries: []string{"edge"}}, Issued: issued, Renewal: plan},
		Deliveries: []domain.Delivery{{Target: "disk", Version: "v1"}, {Target: "edge", Version: "v1"},
			{Target: "soon"}}}
	left.Asked = &Spec{Deliveries: []string{"edge", "soon"}}
	e := Explain(now, left)
	require.True(t, e.Deliveries[0].Removing)
	require.False(t, e.Deliveries[1].Removing || e.Deliveries[2].Removing)
	require.False(t, left.Deliveries[0].Removing, "the argument is left as it was")
	require.Contains(t, e.Next, Next{What: "The certificate is cleared from disk, which the spec no longer names."})
	left.ReleasedAt, left.Retirement = at(-1), domain.Released
	e = Explain(now, left)
	require.Len(t, e.Next, 3, "nothing was left at the third")
	require.Contains(t, e.Next[1].What, "disk keeps the certificate, and nobody clears it there.")

	revoked := Explain(now, ports.Timeline{CertificateRecord: Record{Phase: domain.PhaseReady, Issued: issued,
		Renewal: plan}, RevokedAt: at(-1)})
	require.True(t, revoked.Issued.Revoked)
	require.False(t, issued.Revoked, "the argument is left as it was")
}
