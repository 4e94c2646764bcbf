package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestRecordIssuedIsOneTransactionAndIdempotent(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	require.NoError(t, s.PutTokens(t.Context(), order.ID, []domain.Challenge{{Token: "t1", KeyAuthorization: "t1.k"}}))
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down"}, Attempts: 1, At: noon, RetryAt: noon}
	require.NoError(t, s.RecordFailure(t.Context(), "web", order.Spec, "", failure))

	want := issuedFor(order)
	issued, err := s.RecordIssued(t.Context(), order.ID, want, []byte("chain"))
	require.NoError(t, err)
	want.Version, want.KeyType = issued.Version, order.Spec.KeyType
	require.Equal(t, want, issued)

	other := want
	other.Serial = "ffff"
	again, err := s.RecordIssued(t.Context(), order.ID, other, []byte("another chain"))
	require.NoError(t, err)
	require.Equal(t, want, again, "what the first call stored")

	chain, err := s.Chain(t.Context(), issued.Version)
	require.NoError(t, err)
	require.Equal(t, "chain", string(chain))
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, "chain", string(pair.ChainPEM))
	require.Equal(t, "sealed key of web/1", string(pair.SealedKey))
	require.Equal(t, domain.PhaseReady, pair.Record.Phase)
	require.Equal(t, &want, pair.Record.Issued)
	require.Nil(t, pair.Record.Failure)
	require.Zero(t, s.count("http_tokens"))
	require.Equal(t, 1, s.count("versions"))
	require.Equal(t, []string{"placed", "failed", "issued"}, s.events("web"))
	require.Equal(t, &want, s.order(order.ID).Issued)
}

func TestRecordIssuedFromTwoReplicasStoresOne(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	var issued [2]domain.Issued
	var errs [2]error
	s.collide(`SELECT FROM orders WHERE id = $1::uuid FOR UPDATE`, order.ID, 2, func(i int) {
		issued[i], errs[i] = s.RecordIssued(t.Context(), order.ID, issuedFor(order), []byte("chain"))
	})
	for i := range errs {
		require.NoError(t, errs[i])
		require.Equal(t, issued[0], issued[i])
	}
	require.Equal(t, 1, s.count("versions"))
	require.Equal(t, []string{"placed", "issued"}, s.events("web"))
}

func TestALateResultOfAnAbandonedOrderDoesNotReplaceANewerOne(t *testing.T) {
	s := newStore(t)
	late := s.placed(newOrder("web", "web/1"))
	require.NoError(t, s.AbandonOrder(t.Context(), late.ID, "spec changed"))
	newer := s.issue(newOrder("web", "web/2"))

	_, err := s.RecordIssued(t.Context(), late.ID, issuedFor(late), []byte("late"))
	requireFault(t, err, domain.FaultOperator, "OrderAbandoned")
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, newer.Version, pair.Record.Issued.Version)
}

// The record's spec is that of the certificate in service; before the first, what is asked for.
func TestTheSpecChangesWithTheCertificate(t *testing.T) {
	s := newStore(t)
	spec := func() []string {
		t.Helper()
		list, err := s.List(t.Context(), "", 1)
		require.NoError(t, err)
		return list[0].Spec.Names
	}
	first := s.open(newOrder("web", "web/1", "typo.example"))
	require.NoError(t, s.AbandonOrder(t.Context(), first.ID, "spec changed"))
	s.open(newOrder("web", "web/2", "old.example"))
	require.Equal(t, []string{"old.example"}, spec(), "none in service yet: the newest wish")
	second, err := s.FindOrder(t.Context(), "web", "web/2")
	require.NoError(t, err)
	_, err = s.RecordIssued(t.Context(), second.ID, issuedFor(*second), []byte("chain"))
	require.NoError(t, err)

	third := s.placed(newOrder("web", "web/3", "new.example"))
	require.Equal(t, []string{"old.example"}, spec())
	_, err = s.RecordIssued(t.Context(), third.ID, issuedFor(third), []byte("chain"))
	require.NoError(t, err)
	require.Equal(t, []string{"new.example"}, spec())
}

func TestRecordRenewalKeepsTheFirstPlan(t *testing.T) {
	s := newStore(t)
	version := s.issue(newOrder("web", "web/1")).Version
	first := domain.RenewalPlan{At: noon.Add(123456789 * time.Nanosecond), Reason: "Window", Message: "as the CA suggests", Fraction: 0.1234567890123456,
		Window: &domain.Window{Start: noon, End: noon.Add(time.Hour), ExplanationURL: "https://ca.example/why"}}
	stored, err := s.RecordRenewal(t.Context(), version, first, time.Time{})
	require.NoError(t, err)
	require.Equal(t, first, stored, "to the nanosecond and the last digit")
	again, err := s.RecordRenewal(t.Context(), version, domain.RenewalPlan{At: noon, Fraction: 0.5}, time.Time{})
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, []string{"placed", "issued", "renewal_planned"}, s.events("web"))
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, &first, pair.Record.Renewal)
}

func TestRecordRenewalFromTwoReplicasAgrees(t *testing.T) {
	s := newStore(t)
	version := s.issue(newOrder("web", "web/1")).Version
	var plans [2]domain.RenewalPlan
	var errs [2]error
	s.collide(`SELECT FROM versions WHERE id = $1::uuid FOR UPDATE`, version, 2, func(i int) {
		plans[i], errs[i] = s.RecordRenewal(t.Context(), version, domain.RenewalPlan{At: noon, Fraction: float64(i) / 2}, time.Time{})
	})
	for i := range plans {
		require.NoError(t, errs[i])
		require.Equal(t, plans[0], plans[i])
	}
}

func TestRecordFailureIsIdempotentByItsInstant(t *testing.T) {
	s := newStore(t)
	spec := domain.Spec{Names: []string{"a.example"}}.WithDefaults()
	first := domain.Failure{Fault: domain.Fault{Kind: domain.FaultName, Reason: "CAA", Message: "CAA forbids\x00 it \xff"}, Attempts: 1,
		At: noon, RetryAt: noon.Add(time.Minute), Step: "PlaceOrder"}
	second := first
	second.Attempts, second.At = 2, noon.Add(time.Minute)
	for _, failure := range []domain.Failure{first, first, second, first, second} {
		require.NoError(t, s.RecordFailure(t.Context(), "web", spec, "", failure))
	}

	list, err := s.List(t.Context(), "", 1)
	require.NoError(t, err)
	require.Equal(t, domain.PhaseFailing, list[0].Phase)
	second.Fault.Message = "CAA forbids\uFFFD it \uFFFD"
	require.Equal(t, &second, list[0].Failure, "a repeated older one changes nothing")
	require.Equal(t, []string{"failed", "failed"}, s.events("web"))
	_, err = s.Current(t.Context(), "web")
	requireFault(t, err, domain.FaultWait, "NotIssuedYet")
}

func TestRecordFailureRemovesTheOrdersTokensAndKeepsWhatIsInService(t *testing.T) {
	s := newStore(t)
	version := s.issue(newOrder("web", "web/1")).Version
	order := s.placed(newOrder("web", "web/2"))
	require.NoError(t, s.PutTokens(t.Context(), order.ID, []domain.Challenge{{Token: "t1", KeyAuthorization: "t1.k"}}))
	require.NoError(t, s.RecordFailure(t.Context(), "web", order.Spec, order.ID, domain.Failure{At: noon, Attempts: 1}))

	require.Zero(t, s.count("http_tokens"))
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, version, pair.Record.Issued.Version)
	require.Equal(t, domain.PhaseFailing, pair.Record.Phase)
	requireFault(t, s.RecordFailure(t.Context(), "web", order.Spec, "no uuid", domain.Failure{At: noon}), domain.FaultOperator, "UnknownOrder")
}

func TestListPagesByName(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"c", "a", "d", "b"} {
		s.open(newOrder(name, "1"))
	}
	for _, c := range []struct {
		after string
		limit int
		want  []string
	}{{"", 3, []string{"a", "b", "c"}}, {"c", 3, []string{"d"}}, {"d", 3, []string{}}, {"", 0, []string{}}, {"", -1, []string{}}} {
		list, err := s.List(t.Context(), c.after, c.limit)
		require.NoError(t, err)
		names := []string{}
		for _, record := range list {
			names = append(names, record.Name)
		}
		require.Equal(t, c.want, names, "%+v", c)
	}
	_, err := s.Current(t.Context(), "nobody")
	require.Contains(t, requireFault(t, err, domain.FaultSpec, "UnknownCertificate").Message, `"nobody"`)
}

func TestRecordRevokedKeepsTheFirst(t *testing.T) {
	s := newStore(t)
	issued := s.issue(newOrder("web", "web/1"))
	require.NoError(t, s.RecordRevoked(t.Context(), issued.Version, domain.RevokedKeyCompromise, noon))
	require.NoError(t, s.RecordRevoked(t.Context(), issued.Version, domain.RevokedSuperseded, noon.Add(time.Hour)))
	require.Equal(t, "keyCompromise", query[string](s, `SELECT revocation_reason FROM versions WHERE revoked_at = $1`, noon))
	require.Equal(t, []string{"placed", "issued", "revoked"}, s.events("web"))
	for _, unknown := range []string{"nonsense", "00000000-0000-0000-0000-000000000000"} {
		requireFault(t, s.RecordRevoked(t.Context(), unknown, "", noon), domain.FaultOperator, "UnknownVersion")
	}
}
