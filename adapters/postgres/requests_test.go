package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

// early is when requests are made: not after the database's clock.
var early = time.Now().Add(-time.Hour).UTC().Truncate(time.Second)

// wanted is an Ensure for which a certificate has to be obtained.
func wanted(id string, at time.Time, spec domain.Spec, changes ...string) ports.StoredRequest {
	request := ensured(id, at, spec, changes...)
	request.Fulfilled = false
	return request
}

func revoke(id, version string, reason domain.RevocationReason,
	change ...func(*ports.StoredRequest)) ports.StoredRequest {
	request := ports.StoredRequest{Version: version,
		Request: domain.Request{ID: id, Kind: domain.RequestRevoke, At: early, Reason: reason}}
	for _, c := range change {
		c(&request)
	}
	return request
}

func alone(r *ports.StoredRequest)    { r.WithoutReplacement = true }
func byItsKey(r *ports.StoredRequest) { r.SignedBy = domain.SignedByCertificateKey }

func retire(id string, at time.Time) ports.StoredRequest {
	return ports.StoredRequest{Request: domain.Request{ID: id, Kind: domain.RequestRetire, At: at}}
}

// living is a certificate in service that has not expired by the database's clock.
func (s store) living(order ports.NewOrder) domain.Issued {
	s.t.Helper()
	return s.issue(order)
}

func TestRecordOfWhatIsNotStored(t *testing.T) {
	s := newStore(t)
	require.Zero(t, s.read("web"))
	s.ask("web", ports.StoredRequest{Request: domain.Request{ID: "1", Kind: domain.RequestRenew, At: early,
		Note: "please\x00"}})
	require.Zero(t, s.read("web"))
	s.ask("web", ports.StoredRequest{Request: domain.Request{ID: "a\x00b", Kind: domain.RequestRenew, At: early}})
	require.Equal(t, []string{"renewal_requested", "renewal_requested"}, s.events("web"))
	require.Equal(t, "please\uFFFD", query[string](s,
		`SELECT detail ->> 'note' FROM events WHERE detail ->> 'request' = '1'`))
}

func TestEnsureStoresTheCertificate(t *testing.T) {
	s := newStore(t)
	spec := domain.Spec{Names: []string{"www.example"}}.WithDefaults()
	for range 2 {
		require.Zero(t, s.ask("web", wanted("1", early, spec)))
	}
	require.Equal(t, []string{"created"}, s.events("web"), "once for each request")
	list := s.list()
	require.Equal(t, spec, list[0].Spec)
	require.Equal(t, domain.PhaseIssuing, list[0].Phase)

	wider := spec
	wider.Names = []string{"www.example", "example"}
	s.ask("web", wanted("2", early.Add(time.Second), wider, "names: added example"))
	s.ask("web", wanted("3", early.Add(2*time.Second), wider))
	s.ask("web", wanted("4", early.Add(3*time.Second), wider))
	require.Equal(t, []string{"created", "changed", "ensured"}, s.events("web"),
		"of what changes nothing, the last one is kept")
	require.Equal(t, early.Add(3*time.Second),
		query[time.Time](s, `SELECT at FROM events WHERE type = 'ensured'`).UTC())
	require.JSONEq(t, `{"request": "2", "changes": ["names: added example"], "caller": ""}`,
		string(query[json.RawMessage](s, `SELECT detail FROM events WHERE type = 'changed'`)))
	list = s.list()
	require.Equal(t, wider, list[0].Spec, "nothing is in service: the newest wish")
}

func TestEnsureOfWhatIsInService(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "first"))
	s.record(order, issuedFor(order), "chain")
	s.fail("web", domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down"}, Attempts: 1, At: noon,
		RetryAt: noon})
	spec := order.Spec
	spec.Names = []string{"new.example"}
	require.NotNil(t, s.ask("web", wanted("1", early, spec, "names")).Failure, "a certificate is still to come")
	stored := func() domain.Spec { return query[domain.Spec](s, `SELECT spec FROM certificates`) }
	require.Equal(t, order.Spec, stored(), "stored with its certificate")

	spec = order.Spec
	spec.Deliveries = []string{"disk"}
	record := s.ask("web", ensured("2", early.Add(time.Second), spec, "deliveries"))
	require.Nil(t, record.Failure)
	require.NotNil(t, record.Issued)
	require.Equal(t, spec, stored())
	require.Equal(t, "Ready", query[string](s, `SELECT phase FROM certificates`))

	// One that comes late changes nothing: it would authorize a pull client again that was removed meanwhile.
	late := order.Spec
	late.Deliveries = []string{"removed"}
	s.ask("web", ensured("0", early.Add(-time.Second), late, "deliveries"))
	require.Equal(t, spec, stored())
	require.Equal(t, []string{"placed", "issued", "failed", "changed", "changed"}, s.events("web"))
}

// What an ended workflow has left is tried at once when the certificate is kept in service again.
func TestEnsureKeepsWhatWasReleased(t *testing.T) {
	s := newStore(t)
	issued := s.living(newOrder("web", "first"))
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down"}, Attempts: 3, At: noon,
		RetryAt: noon.Add(time.Hour)}
	s.ask("web", revoke("1", issued.Version, domain.RevokedSuperseded))
	require.NoError(t, s.RecordUnrevoked(t.Context(), "web", issued.Version, failure))
	s.delivers("web", "disk", issued.Version)
	s.ask("web", retire("2", early.Add(time.Second)))
	require.NoError(t, postgres.NewDeliveries(s.pool).RecordUndelivered(t.Context(), "web", "disk", issued.Version,
		failure))
	s.release("web")
	record := s.read("web")
	require.Equal(t, domain.Released, record.Retirement)
	require.NotNil(t, record.Deliveries[0].Failure)

	spec := query[domain.Spec](s, `SELECT spec FROM certificates`)
	s.ask("web", ensured("late", early, spec))
	require.Equal(t, domain.Released, s.read("web").Retirement, "a request of before the retirement does not undo it")
	record = s.ask("web", ensured("3", early.Add(2*time.Second), spec))
	require.Empty(t, record.Retirement)
	require.Nil(t, record.Revocations[0].Failure)
	require.Nil(t, record.Deliveries[0].Failure)
	events := s.events("web")
	require.Equal(t, []string{"retirement_requested", "delivery_failed", "released", "resumed"}, events[len(events)-4:])
	require.Nil(t, query[*string](s, `SELECT retirement FROM certificates`))
}

// A clock that was ahead when a request was made does not keep the later ones from being stored.
func TestRequestsOfAClockThatWasAhead(t *testing.T) {
	s := newStore(t)
	spec := domain.Spec{Names: []string{"www.example"}}.WithDefaults()
	s.ask("web", wanted("1", noon, spec))
	spec.Names = []string{"example"}
	s.ask("web", wanted("2", time.Now(), spec, "names"))
	require.Equal(t, spec, query[domain.Spec](s, `SELECT spec FROM certificates`))
	s.ask("web", retire("3", noon))
	s.release("web")
	require.Empty(t, s.ask("web", wanted("4", time.Now(), spec)).Retirement)
}

// Nor does an instant in the future that stands in the row: the database's clock was set back, or somebody wrote it.
func TestRequestsAfterTheDatabasesClockWasSetBack(t *testing.T) {
	s := newStore(t)
	spec := domain.Spec{Names: []string{"www.example"}}.WithDefaults()
	ahead := func() { s.exec(`UPDATE certificates SET requested_at = now() + interval '1 hour'`) }
	ask := func(request ports.StoredRequest) {
		t.Helper()
		out, err := s.RecordRequest(t.Context(), "web", request)
		require.NoError(t, err)
		require.False(t, out.Superseded)
		require.Nil(t, out.Stored)
	}
	ask(wanted("1", early, spec))
	ahead()
	spec.Names = []string{"example"}
	ask(wanted("2", time.Now(), spec, "names"))
	require.Equal(t, spec, query[domain.Spec](s, `SELECT spec FROM certificates`))
	ahead()
	ask(retire("3", time.Now()))
	ahead()
	record, err := s.RecordReleased(t.Context(), "web", time.Now(), false)
	require.NoError(t, err)
	require.Equal(t, domain.Released, record.Retirement)
}

func TestRevokeIsStoredBesideTheVersion(t *testing.T) {
	s := newStore(t)
	issued := s.living(newOrder("web", "first"))
	ask := func(request ports.StoredRequest) domain.Revocation {
		t.Helper()
		var record domain.Record
		for range 2 {
			record = s.ask("web", request)
		}
		require.Len(t, record.Revocations, 1)
		return record.Revocations[0]
	}
	require.Equal(t, domain.Revocation{Issued: issued, Reason: domain.RevokedSuperseded},
		ask(revoke("1", issued.Version, domain.RevokedSuperseded)))
	require.Equal(t, domain.RevokedSuperseded, ask(revoke("2", issued.Version, domain.RevokedUnspecified)).Reason,
		"the first reason stays")
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultOperator, Reason: "Unauthorized",
		Message: "no\x00"}, Attempts: 1, At: noon, RetryAt: noon}
	require.NoError(t, s.RecordUnrevoked(t.Context(), "web", issued.Version, failure))
	require.Equal(t, "no\uFFFD", s.read("web").Revocations[0].Failure.Fault.Message)
	require.NotNil(t, s.ask("web", revoke("2", issued.Version, domain.RevokedUnspecified)).Revocations[0].Failure,
		"a repeat is none")
	outranks := ask(revoke("3", issued.Version, domain.RevokedKeyCompromise, byItsKey))
	require.Equal(t, domain.RevokedKeyCompromise, outranks.Reason)
	require.Equal(t, domain.SignedByCertificateKey, outranks.SignedBy)
	require.Nil(t, outranks.Failure, "asked again, it is tried at once")
	require.True(t, ask(revoke("4", issued.Version, domain.RevokedSuperseded, alone)).WithoutReplacement)
	last := ask(revoke("5", issued.Version, domain.RevokedSuperseded))
	require.True(t, last.WithoutReplacement, "it is not taken back")
	require.Equal(t, domain.RevokedKeyCompromise, last.Reason)
	require.Equal(t, domain.SignedByCertificateKey, last.SignedBy)
	timeline, err := postgres.NewTimelines(s.pool).Timeline(t.Context(), "web", 10)
	require.NoError(t, err)
	require.Equal(t, []domain.Revocation{last}, timeline.Revoking)

	record, err := s.RecordRevoked(t.Context(), "web", issued.Version, last.Reason, noon)
	require.NoError(t, err)
	require.Empty(t, record.Revocations)
	require.True(t, record.Issued.Revoked)
	record, err = s.RecordRevoked(t.Context(), "web", issued.Version, domain.RevokedSuperseded, noon.Add(time.Hour))
	require.NoError(t, err)
	require.True(t, record.Issued.Revoked)
	require.Equal(t, "keyCompromise", query[string](s, `SELECT revocation_reason FROM versions WHERE revoked_at = $1`,
		noon), "the first stays")
	require.NoError(t, s.RecordUnrevoked(t.Context(), "web", issued.Version, failure), "a late note")
	require.Empty(t, s.ask("web", revoke("6", issued.Version, domain.RevokedSuperseded)).Revocations, "it is done")
	require.Equal(t, []string{"placed", "issued", "revocation_requested", "revocation_requested",
		"revocation_requested", "revocation_requested", "revocation_requested",
		"revoked", "revocation_requested"}, s.events("web"))
}

// All that has the compromised key is to be revoked, what is issued with it later as well.
func TestRevokeOfACompromisedKey(t *testing.T) {
	s := newStore(t)
	first := s.living(newOrder("web", "first"))
	keeps := func(key, of string) domain.Issued {
		t.Helper()
		order := newOrder("web", key)
		order.SealedKey, order.KeyOf = ports.SealedKey{}, of
		return s.living(order)
	}
	second := keeps(first.Version, first.Version)
	fresh := s.living(newOrder("web", second.Version))
	third := keeps(fresh.Version, first.Version)
	onItsWay := newOrder("web", third.Version)
	onItsWay.SealedKey, onItsWay.KeyOf = ports.SealedKey{}, third.Version
	order := s.placed(onItsWay)

	versions := func(revocations []domain.Revocation) (versions []string) {
		for _, r := range revocations {
			require.Equal(t, domain.RevokedKeyCompromise, r.Reason)
			versions = append(versions, r.Issued.Version)
		}
		return versions
	}
	record := s.ask("web", revoke("1", third.Version, domain.RevokedKeyCompromise, byItsKey))
	require.Equal(t, []string{first.Version, second.Version, third.Version}, versions(record.Revocations))

	fourth := s.record(order, issuedFor(order), "chain")
	record = s.read("web")
	require.Equal(t, []string{first.Version, second.Version, third.Version, fourth.Version},
		versions(record.Revocations))
	require.Equal(t, domain.SignedByCertificateKey, record.Revocations[3].SignedBy)
	require.NotContains(t, versions(record.Revocations), fresh.Version)
}

// What is replaced waits for the targets, but not for ever.
func TestRevocationsWaitForTheReplacementsDeliveries(t *testing.T) {
	s := newStore(t)
	replace := func(name string, reason domain.RevocationReason, targets []string,
		life time.Duration) domain.Revocation {
		t.Helper()
		order := s.placed(newOrder(name, "first"))
		short := issuedFor(order)
		short.NotAfter = time.Now().Add(life).UTC().Truncate(time.Second)
		old := s.record(order, short, "chain")
		require.Zero(t, s.ask(name, revoke("1", old.Version, reason)).Revocations[0].After)
		next := newOrder(name, old.Version)
		next.Spec.Deliveries = targets
		s.living(next)
		revocations := s.read(name).Revocations
		require.Len(t, revocations, 1)
		return revocations[0]
	}
	const month = 30 * 24 * time.Hour
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	require.WithinDuration(t, in(24*time.Hour), replace("a", domain.RevokedSuperseded, []string{"disk"}, month).After,
		time.Minute)
	require.WithinDuration(t, in(time.Hour), replace("b", domain.RevokedKeyCompromise, []string{"disk"}, month).After,
		time.Minute)
	require.WithinDuration(t, in(10*time.Minute),
		replace("c", domain.RevokedSuperseded, []string{"disk"}, 10*time.Minute).After, time.Minute)
	require.Zero(t, replace("d", domain.RevokedSuperseded, nil, month).After, "there is nothing to wait for")
}

func TestExpiredVersionsAreNotRevoked(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "first"))
	past := issuedFor(order)
	past.NotAfter = time.Now().Add(-time.Minute)
	issued := s.record(order, past, "chain")
	require.Empty(t, s.ask("web", revoke("1", issued.Version, domain.RevokedSuperseded)).Revocations)
}

// Nothing replaces what is retired: what is to be revoked is revoked at once.
func TestRetireHasWhatIsPendingRevokedAtOnce(t *testing.T) {
	s := newStore(t)
	issued := s.living(newOrder("web", "first"))
	s.ask("web", revoke("1", issued.Version, domain.RevokedSuperseded))
	_, err := s.pool.Exec(t.Context(), `UPDATE versions SET revoking = revoking || '{"after": "2100-01-01T00:00:00Z", "failure": {}}'`)
	require.NoError(t, err)
	var record domain.Record
	for range 2 {
		record = s.ask("web", retire("2", early))
	}
	require.Equal(t, []domain.Revocation{{Issued: issued, Reason: domain.RevokedSuperseded, WithoutReplacement: true}},
		record.Revocations)
	require.Equal(t, domain.Retiring, record.Retirement, "its workflow has not ended")
	require.Equal(t, []string{"placed", "issued", "revocation_requested", "retirement_requested"}, s.events("web"))

	next := s.living(newOrder("web", issued.Version))
	record = s.ask("web", revoke("3", next.Version, domain.RevokedSuperseded))
	require.True(t, record.Revocations[1].WithoutReplacement, "asked for after the retirement")

	clears := retire("late", early.Add(-time.Second))
	clears.RemoveDeliveries = true
	require.Equal(t, domain.Retiring, s.ask("web", clears).Retirement,
		"a request of before the last one changes nothing")
	clears.ID, clears.At = "4", early.Add(time.Second)
	require.Equal(t, domain.Clearing, s.ask("web", clears).Retirement)

	s.exec(`INSERT INTO deliveries (certificate, target, contacted, failure) VALUES ('web', 'disk', true, '{"step": "RemoveDelivery"}')`)
	require.NotNil(t, s.read("web").Deliveries[0].Failure)
	clears.ID, clears.At = "5", early.Add(2*time.Second)
	require.Nil(t, s.ask("web", clears).Deliveries[0].Failure, "who asks again has it tried at once")
	timeline, err := postgres.NewTimelines(s.pool).Timeline(t.Context(), "web", 0)
	require.NoError(t, err)
	require.Equal(t, domain.Clearing, timeline.Retirement)
}

// A workflow that goes on with what is stored reads it, and changes nothing.
func TestResumeReadsWhatIsStored(t *testing.T) {
	s := newStore(t)
	resume := ports.StoredRequest{Request: domain.Request{ID: "1", Kind: domain.RequestStart, At: early, Resume: true}}
	out, err := s.RecordRequest(t.Context(), "web", resume)
	require.NoError(t, err)
	require.Zero(t, out)
	require.Zero(t, s.count("certificates"))

	order := newOrder("web", "first")
	s.ask("web", ensured("2", early, order.Spec))
	s.ask("web", retire("3", early.Add(time.Second)))
	_, err = s.RecordReleased(t.Context(), "web", early.Add(time.Minute), false)
	require.NoError(t, err)
	events := s.events("web")
	out, err = s.RecordRequest(t.Context(), "web", resume)
	require.NoError(t, err)
	require.True(t, out.Superseded)
	require.Equal(t, &order.Spec, out.Stored)
	require.EqualValues(t, 1, out.Generation)
	require.Equal(t, domain.Released, out.Record.Retirement)
	require.Equal(t, events, s.events("web"))
}

// A release that Postgres carries out late does not end the workflow that somebody has started since, and takes no
// tokens from it.
func TestALateReleaseEndsNoLaterWorkflow(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "first"))
	s.ask("web", ensured("1", early, order.Spec))
	s.ask("web", ensured("2", early.Add(2*time.Second), order.Spec))
	require.NoError(t, s.PutTokens(t.Context(), order.ID, []domain.Challenge{{Token: "t"}}))
	record, err := s.RecordReleased(t.Context(), "web", early.Add(time.Second), true)
	require.NoError(t, err)
	require.Empty(t, record.Retirement)
	require.Equal(t, 1, s.count("http_tokens"))
	require.NotContains(t, s.events("web"), "released")
	for range 2 {
		record, err = s.RecordReleased(t.Context(), "web", early.Add(2*time.Second), true)
		require.NoError(t, err)
		require.Equal(t, domain.Released, record.Retirement)
	}
	require.Zero(t, s.count("http_tokens"))
	require.Equal(t, []string{"placed", "changed", "ensured", "released"}, s.events("web"), "once")
}

// After a reset of its workflow, a request is made again: it is as old as it was, and what was stored since holds.
func TestARepeatDoesNotOverrideWhatCameLater(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "first"))
	s.record(order, issuedFor(order), "chain")
	ask := func(request ports.StoredRequest) ports.RecordedRequest {
		t.Helper()
		out, err := s.RecordRequest(t.Context(), "web", request)
		require.NoError(t, err)
		return out
	}
	delivered := func(target string) domain.Spec {
		spec := order.Spec
		spec.Deliveries = []string{target}
		return spec
	}
	now := early.Add(time.Minute)
	require.Nil(t, ask(ensured("1", early, delivered("one"), "deliveries")).Stored)
	require.Nil(t, ask(ensured("1", early.Add(time.Second), delivered("one"), "deliveries")).Stored,
		"nothing came since")
	require.Nil(t, ask(ensured("2", early.Add(2*time.Second), delivered("two"), "deliveries")).Stored)
	two := delivered("two")
	require.Equal(t, &two, ask(ensured("1", now, delivered("one"), "deliveries")).Stored)
	require.Equal(t, two, query[domain.Spec](s, `SELECT spec FROM certificates`))

	require.Equal(t, domain.Retiring, ask(retire("3", early.Add(3*time.Second))).Record.Retirement)
	require.Equal(t, &two, ask(ensured("2", now, two)).Stored)
	record, err := s.RecordReleased(t.Context(), "web", early.Add(4*time.Second), false)
	require.NoError(t, err)
	require.Equal(t, domain.Released, record.Retirement)
	require.Equal(t, domain.Released, ask(ensured("2", now, two)).Record.Retirement)
	require.Nil(t, ask(retire("3", now)).Stored)

	require.Nil(t, ask(ensured("4", early.Add(5*time.Second), delivered("four"), "deliveries")).Stored)
	four := delivered("four")
	late := ask(retire("3", now))
	require.Equal(t, &four, late.Stored)
	require.Empty(t, late.Record.Retirement)
	record, err = s.RecordReleased(t.Context(), "web", now, false)
	require.NoError(t, err)
	require.Empty(t, record.Retirement, "nobody retires it any more")
}

// A repeat of a request is about the version that was in service when it was first recorded.
func TestARepeatIsAboutTheSameVersion(t *testing.T) {
	s := newStore(t)
	about := func(request ports.StoredRequest) string {
		t.Helper()
		out, err := s.RecordRequest(t.Context(), "web", request)
		require.NoError(t, err)
		return out.Version
	}
	renew := func(id string) ports.StoredRequest {
		return ports.StoredRequest{Request: domain.Request{ID: id, Kind: domain.RequestRenew, At: early}}
	}
	require.Empty(t, about(renew("before")))
	first := s.living(newOrder("web", "first")).Version
	require.Empty(t, about(renew("before")))
	require.Equal(t, first, about(renew("1")))
	require.Equal(t, first, about(revoke("2", first, domain.RevokedSuperseded)))
	_, err := s.RecordRevoked(t.Context(), "web", first, domain.RevokedSuperseded, early)
	require.NoError(t, err)
	require.Equal(t, first, about(revoke("done", first, domain.RevokedSuperseded)))

	second := s.living(newOrder("web", first)).Version
	require.Equal(t, first, about(renew("1")))
	require.Equal(t, second, about(renew("3")))
	require.Equal(t, first, about(revoke("2", second, domain.RevokedSuperseded)))
	require.Equal(t, first, about(revoke("done", second, domain.RevokedSuperseded)))
	require.Empty(t, s.read("web").Revocations, "no repeat revokes another version")
	require.Equal(t, second, about(revoke("4", second, domain.RevokedSuperseded)))
	require.Len(t, s.read("web").Revocations, 1)

	_, err = s.RecordRequest(t.Context(), "web", revoke("5", nobody, domain.RevokedSuperseded))
	requireFault(t, err, domain.FaultOperator, "UnknownVersion")
}
