package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

func TestRecordIssuedIsOneTransactionAndIdempotent(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	require.NoError(t, s.PutTokens(t.Context(), order.ID, []domain.Challenge{{Token: "t1", KeyAuthorization: "t1.k"}}))
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down"}, Attempts: 1, At: noon,
		RetryAt: noon}
	s.fail("web", failure)

	want := issuedFor(order)
	issued := s.record(order, want, "chain")
	want.Version, want.KeyType = issued.Version, order.Spec.KeyType
	require.Equal(t, want, issued)

	other := want
	other.Serial = "ffff"
	again := s.record(order, other, "another chain")
	require.Equal(t, want, again, "what the first call stored")

	chain, err := s.Chain(t.Context(), "web", issued.Version)
	require.NoError(t, err)
	require.Equal(t, "chain", string(chain))
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, "chain", string(pair.ChainPEM))
	require.Equal(t, "sealed key of web/1", string(pair.Key.Sealed))
	require.Equal(t, domain.PhaseReady, pair.Record.Phase)
	require.Equal(t, &want, pair.Record.Issued)
	require.Nil(t, pair.Record.Failure)
	require.Zero(t, s.count("http_tokens"))
	require.Equal(t, 1, s.count("versions"))
	require.Equal(t, []string{"placed", "failed", "issued"}, s.events("web"))
	record := s.read("web")
	require.Equal(t, &want, record.Issued)
	require.Nil(t, record.Failure)
}

func TestRecordIssuedFromTwoReplicasStoresOne(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	var issued [2]domain.Issued
	var errs [2]error
	s.collide(`SELECT FROM orders WHERE id = $1::uuid FOR UPDATE`, order.ID, 2, func(i int) {
		issued[i], errs[i] = s.RecordIssued(t.Context(), "web", order.ID, issuedFor(order), []byte("chain"))
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
	require.NoError(t, s.AbandonOrder(t.Context(), "web", late.ID, "spec changed"))
	newer := s.issue(newOrder("web", "web/2"))

	_, err := s.RecordIssued(t.Context(), "web", late.ID, issuedFor(late), []byte("late"))
	requireFault(t, err, domain.FaultWait, "OrderAbandoned")
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, newer.Version, pair.Record.Issued.Version)
}

// The record's spec is that of the certificate in service; before the first, what is asked for.
func TestTheSpecChangesWithTheCertificate(t *testing.T) {
	s := newStore(t)
	spec := func() []string {
		t.Helper()
		return s.list()[0].Spec.Names
	}
	first := s.open(newOrder("web", "web/1", "typo.example"))
	require.NoError(t, s.AbandonOrder(t.Context(), "web", first.ID, "spec changed"))
	s.open(newOrder("web", "web/2", "old.example"))
	require.Equal(t, []string{"old.example"}, spec(), "none in service yet: the newest wish")
	_, second, err := s.FindOrder(t.Context(), "web")
	require.NoError(t, err)
	s.record(*second, issuedFor(*second), "chain")

	third := s.placed(newOrder("web", "web/3", "new.example"))
	require.Equal(t, []string{"old.example"}, spec())
	s.record(third, issuedFor(third), "chain")
	require.Equal(t, []string{"new.example"}, spec())
}

func TestRecordRenewalKeepsTheFirstPlan(t *testing.T) {
	s := newStore(t)
	version := s.issue(newOrder("web", "web/1")).Version
	first := domain.RenewalPlan{At: noon.Add(123456789 * time.Nanosecond), Reason: "Window",
		Message: "as the CA suggests", Fraction: 0.1234567890123456,
		Window: &domain.Window{Start: noon, End: noon.Add(time.Hour), ExplanationURL: "https://ca.example/why"}}
	require.Equal(t, first, s.plan("web", version, first, time.Time{}), "to the nanosecond and the last digit")
	require.Equal(t, first, *s.read("web").Renewal)
	require.Equal(t, first, s.plan("web", version, domain.RenewalPlan{At: noon, Fraction: 0.5}, time.Time{}))
	require.Equal(t, []string{"placed", "issued", "renewal_planned"}, s.events("web"))
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, &first, pair.Record.Renewal)
}

func TestRecordRenewalFromTwoReplicasAgrees(t *testing.T) {
	s := newStore(t)
	version := s.issue(newOrder("web", "web/1")).Version
	var records [2]domain.Record
	var errs [2]error
	s.collide(`SELECT FROM versions WHERE id = $1::uuid FOR UPDATE`, version, 2, func(i int) {
		records[i], errs[i] = s.RecordRenewal(t.Context(), "web", version,
			domain.RenewalPlan{At: noon, Fraction: float64(i) / 2}, time.Time{})
	})
	for i := range records {
		require.NoError(t, errs[i])
		require.NotNil(t, records[i].Renewal)
		require.Equal(t, records[0], records[i])
	}
}

// The plan of a version that is replaced is stored; the record is that of the one in service.
func TestRecordRenewalOfAReplacedVersion(t *testing.T) {
	s := newStore(t)
	old := s.issue(newOrder("web", "first"))
	current := s.issue(newOrder("web", old.Version))
	record, err := s.RecordRenewal(t.Context(), "web", old.Version, domain.RenewalPlan{At: noon}, noon)
	require.NoError(t, err)
	require.Equal(t, current.Version, record.Issued.Version)
	require.Nil(t, record.Renewal)
}

func TestRecordFailureIsIdempotentByItsInstant(t *testing.T) {
	s := newStore(t)
	first := domain.Failure{Fault: domain.Fault{Kind: domain.FaultName, Reason: "CAA",
		Message: "CAA forbids\x00 it \xff"}, Attempts: 1,
		At: noon, RetryAt: noon.Add(time.Minute), Step: "PlaceOrder"}
	second := first
	second.Attempts, second.At = 2, noon.Add(time.Minute)
	for _, failure := range []domain.Failure{first, first, second, first, second} {
		s.fail("web", failure)
	}

	list := s.list()
	require.Equal(t, domain.PhaseFailing, list[0].Phase)
	second.Fault.Message = "CAA forbids\uFFFD it \uFFFD"
	require.Equal(t, &second, list[0].Failure, "a repeated older one changes nothing")
	require.Equal(t, &second, s.read("web").Failure)
	require.Equal(t, []string{"failed", "failed"}, s.events("web"))
	_, err := s.Current(t.Context(), "web")
	requireFault(t, err, domain.FaultWait, "NotIssuedYet")
}

// What a try has left to show to the CA goes with the failure, whichever try it was; what is in service stays.
func TestRecordFailureRemovesTokensInFlight(t *testing.T) {
	s := newStore(t)
	version := s.issue(newOrder("web", "web/1")).Version
	tokens := func() {
		t.Helper()
		for _, order := range []ports.StoredOrder{s.open(newOrder("web", "web/2")), s.open(newOrder("other", "o/1"))} {
			require.NoError(t, s.PutTokens(t.Context(), order.ID,
				[]domain.Challenge{{Token: order.Certificate, KeyAuthorization: "k"}}))
		}
	}
	onlyTheOthers := func() {
		t.Helper()
		require.Equal(t, "other", query[string](s, `SELECT string_agg(token, ' ') FROM http_tokens`))
	}
	tokens()
	s.fail("web", domain.Failure{At: noon, Attempts: 1})
	onlyTheOthers()
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, version, pair.Record.Issued.Version)
	require.Equal(t, domain.PhaseFailing, pair.Record.Phase)

	tokens()
	fallback := domain.Failure{At: noon.Add(time.Minute), Attempts: 1, Fault: domain.Fault{Message: "\x00"}}
	for range 2 {
		require.NoError(t, s.RecordFallback(t.Context(), "web", "spare", fallback))
	}
	onlyTheOthers()
	require.Equal(t, noon, s.read("web").Failure.At, "a part of the history and no state")

	tokens()
	s.release("web")
	onlyTheOthers()
	require.Equal(t, []string{"placed", "issued", "failed", "fell_back", "released"}, s.events("web"))
}

// A failure that Postgres stores late is a part of the history: what came after it stays.
func TestALateFailureIsAnEventAlone(t *testing.T) {
	s := newStore(t)
	deliveries := postgres.NewDeliveries(s.pool)
	at := func(at time.Time) domain.Failure {
		return domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down"}, Attempts: 1, At: at,
			RetryAt: at.Add(time.Hour)}
	}
	before := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	version := s.issue(newOrder("web", "first")).Version
	next := s.open(newOrder("web", version))
	require.NoError(t, s.PutTokens(t.Context(), next.ID, []domain.Challenge{{Token: "t"}}))
	s.fail("web", at(before))
	require.NoError(t, s.RecordFallback(t.Context(), "web", "spare", at(before.Add(time.Second))))
	require.Nil(t, s.read("web").Failure, "the certificate is in service since")
	require.NotEqual(t, "Failing", query[string](s, `SELECT phase FROM certificates`))
	require.Equal(t, 1, s.count("http_tokens"))

	s.fail("web", at(noon.Add(time.Minute)))
	s.fail("web", at(noon))
	require.Equal(t, noon.Add(time.Minute), s.read("web").Failure.At.UTC())
	require.Equal(t, []string{"placed", "issued", "failed", "fell_back", "failed", "failed"}, s.events("web"))

	s.ask("web", revoke("1", version, domain.RevokedSuperseded))
	for _, failed := range []time.Time{noon.Add(time.Minute), noon} {
		require.NoError(t, s.RecordUnrevoked(t.Context(), "web", version, at(failed)))
	}
	require.Equal(t, noon.Add(time.Minute), s.read("web").Revocations[0].Failure.At.UTC())

	s.delivers("web", "disk", version)
	require.NoError(t, deliveries.RecordUndelivered(t.Context(), "web", "disk", version, at(before)))
	require.Nil(t, s.read("web").Deliveries[0].Failure, "it was delivered since")
	for _, failed := range []time.Time{noon.Add(time.Minute), noon} {
		require.NoError(t, deliveries.RecordUndelivered(t.Context(), "web", "disk", version, at(failed)))
	}
	require.Equal(t, noon.Add(time.Minute), s.read("web").Deliveries[0].Failure.At.UTC())
}
