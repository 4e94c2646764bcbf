package postgres_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

// delivered is a certificate in service that is delivered to these targets.
func (s store) delivered(name, key string, names []string, targets ...string) domain.Issued {
	order := newOrder(name, key, names...)
	order.Spec.Deliveries = targets
	return s.issue(order)
}

func TestTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	tokens := postgres.NewKeyTokens(s.pool)
	issued := s.delivered("web", "1", nil, "hook")
	put := func(secret string, life time.Duration) ports.TokenDigest {
		digest := sha256.Sum256([]byte(secret))
		expires, err := tokens.PutToken(t.Context(),
			ports.KeyToken{Certificate: "web", Target: "hook", Version: issued.Version, Digest: digest, Life: life})
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(life), expires, time.Minute)
		return digest
	}
	void := func(digest ports.TokenDigest) {
		t.Helper()
		_, err := tokens.TakeToken(t.Context(), digest)
		requireFault(t, err, domain.FaultSpec, "TokenInvalid")
	}
	first := put("first", time.Minute)
	void(sha256.Sum256([]byte("unknown")))
	pair, err := tokens.TakeToken(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, "sealed key of 1", string(pair.Key.Sealed))
	require.Equal(t, "web", pair.Record.Name)
	require.Equal(t, issued.Version, pair.Record.Issued.Version)
	void(first)
	require.Equal(t, []string{"placed", "issued", "exported"}, s.events("web"), "noted once, with the token's use")

	second := put("second", time.Minute)
	third := put("third", time.Minute)
	void(second)
	results := make(chan error, 2)
	s.collide(`SELECT FROM delivery_tokens WHERE certificate = $1 FOR UPDATE`, "web", 2, func(int) {
		_, err := tokens.TakeToken(t.Context(), third)
		results <- err
	})
	close(results)
	taken := 0
	for err := range results {
		if err == nil {
			taken++
		} else {
			requireFault(t, err, domain.FaultSpec, "TokenInvalid")
		}
	}
	require.Equal(t, 1, taken, "one of two at once")
	onHost, err := tokens.PutToken(t.Context(),
		ports.KeyToken{Certificate: "web", Target: "hook@edge", Version: issued.Version,
			Digest: sha256.Sum256([]byte("on a host")), Life: time.Minute})
	require.NoError(t, err)
	require.NotZero(t, onHost)
	put("of no host", time.Minute)
	_, err = tokens.TakeToken(t.Context(), sha256.Sum256([]byte("on a host")))
	require.NoError(t, err, "another host's delivery voids it not")
	void(put("expired", -time.Minute))
	removed := put("removed", time.Minute)
	require.NoError(t, tokens.VoidToken(t.Context(), "web", "hook"))
	require.NoError(t, tokens.VoidToken(t.Context(), "web", "hook"))
	void(removed)
	for _, version := range []string{nobody, "no uuid"} {
		_, err = tokens.PutToken(t.Context(),
			ports.KeyToken{Certificate: "web", Target: "hook", Version: version, Life: time.Minute})
		requireFault(t, err, domain.FaultOperator, "UnknownVersion")
	}
}

func TestPullsFindWhatTheTargetsMayHave(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	pulls := postgres.NewPulls(s.pool)
	mine := []string{"edge"}
	s.delivered("exact", "1", []string{"www.example.com", "example.com"}, "edge@host1")
	s.delivered("wild", "2", []string{"*.example.com"}, "edge")
	s.delivered("other", "3", []string{"api.example.com"}, "backend")
	s.delivered("none", "4", []string{"none.example.com"})
	named := func(name string, targets []string) (string, error) {
		pair, err := pulls.Named(t.Context(), name, targets)
		return string(pair.Key.Sealed), err
	}
	for _, c := range []struct {
		name    string
		targets []string
		key     string
	}{
		{"exact", mine, "sealed key of 1"}, {"wild", []string{"x", "edge"}, "sealed key of 2"},
		{"other", mine, ""}, {"none", mine, ""}, {"nobody", mine, ""}, {"exact", nil, ""},
		{"exact", []string{"edge@host1"}, ""}, {"a\x00b", mine, ""},
	} {
		key, err := named(c.name, c.targets)
		if c.key == "" {
			requireFault(t, err, domain.FaultSpec, "UnknownCertificate")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.key, key)
	}
	for server, want := range map[string]string{
		"www.example.com": "exact", "example.com": "exact", "new.example.com": "wild", "api.example.com": "wild",
		"a.b.example.com": "", "com": "", "": "", "example.org": "",
	} {
		pair, err := pulls.Covering(t.Context(), server, mine)
		if want == "" {
			requireFault(t, err, domain.FaultSpec, "UnknownCertificate")
			continue
		}
		require.NoError(t, err, server)
		require.Equal(t, want, pair.Record.Name, server)
	}
	// Two that serve one name: the one that is valid longest.
	later := s.placed(func() ports.NewOrder {
		order := newOrder("later", "5", "www.example.com")
		order.Spec.Deliveries, order.Issuer = mine, "second"
		return order
	}())
	issued := issuedFor(later)
	issued.NotAfter = issued.NotAfter.Add(time.Hour)
	s.record(later, issued, "chain of 5")
	pair, err := pulls.Covering(t.Context(), "www.example.com", mine)
	require.NoError(t, err)
	require.Equal(t, "later", pair.Record.Name)

	// One that has ended stands behind a wildcard that has not.
	_, err = s.pool.Exec(t.Context(), `UPDATE versions SET not_after = now() - interval '1 hour' WHERE certificate IN ('exact', 'later')`)
	require.NoError(t, err)
	pair, err = pulls.Covering(t.Context(), "www.example.com", mine)
	require.NoError(t, err)
	require.Equal(t, "wild", pair.Record.Name)

	names := func(after string, limit int) (found []string) {
		records, err := pulls.Offered(t.Context(), mine, after, limit)
		require.NoError(t, err)
		for _, record := range records {
			found = append(found, record.Name)
		}
		return found
	}
	require.Equal(t, []string{"exact", "later", "wild"}, names("", 10))
	require.Equal(t, []string{"later"}, names("exact", 1))
	require.Empty(t, names("", -1))
}

func TestPullOfAReleasedCertificateEndsWithItsDelivery(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	pulls := postgres.NewPulls(s.pool)
	issued := s.delivered("web", "1", nil, "edge")
	_, err := s.pool.Exec(t.Context(), `INSERT INTO deliveries (certificate, target, version) VALUES ('web', 'edge', $1)`, issued.Version)
	require.NoError(t, err)
	s.release("web")
	_, err = pulls.Named(t.Context(), "web", []string{"edge"})
	require.NoError(t, err, "released, and left where it is")
	_, err = s.pool.Exec(t.Context(), `DELETE FROM deliveries`)
	require.NoError(t, err)
	_, err = pulls.Named(t.Context(), "web", []string{"edge"})
	requireFault(t, err, domain.FaultSpec, "UnknownCertificate")

	for range 2 {
		require.NoError(t, pulls.RecordPulled(t.Context(), "web", issued.Version, "a.example"))
		require.NoError(t, pulls.RecordPulled(t.Context(), "web", issued.Version, "b.example"))
	}
	require.Equal(t, 2, query[int](s, `SELECT count(*) FROM events WHERE type = 'exported'`),
		"once for each client and version")
}

func TestPullEndsWithTheRemovalThoughAChangeWaits(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	pulls := postgres.NewPulls(s.pool)
	issued := s.delivered("web", "1", nil, "edge", "other")
	for _, target := range []string{"edge", "other"} {
		s.delivers("web", target, issued.Version)
	}
	// The change asks for other names, too: its spec is stored when its certificate is, which may be never.
	s.ask("web", wanted("1", time.Now(), domain.Spec{Names: []string{"other.example"},
		Deliveries: []string{"other"}}.WithDefaults(), "names", "deliveries"))
	for range 2 {
		s.removes("web", "edge")
		_, err := pulls.Named(t.Context(), "web", []string{"edge"})
		requireFault(t, err, domain.FaultSpec, "UnknownCertificate")
	}
	_, err := pulls.Named(t.Context(), "web", []string{"other"})
	require.NoError(t, err)
}

func TestPullFollowsWhatCallersChangeWhileAnOrderIsUnderWay(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	pulls := postgres.NewPulls(s.pool)
	first := s.delivered("web", "1", nil, "old")
	s.delivers("web", "old", first.Version)
	order := newOrder("web", "2")
	order.Spec.Deliveries = []string{"old"}
	placed := s.placed(order)
	changed := order.Spec
	changed.Deliveries = []string{"new"}
	s.ask("web", ensured("1", time.Now(), changed, "deliveries"))
	s.removes("web", "old")
	issued := s.record(placed, issuedFor(placed), "chain of 2")
	_, err := pulls.Named(t.Context(), "web", []string{"old"})
	requireFault(t, err, domain.FaultSpec, "UnknownCertificate")
	for range 2 {
		s.delivers("web", "new", issued.Version)
		pair, err := pulls.Named(t.Context(), "web", []string{"new"})
		require.NoError(t, err, "what was confirmed is there")
		require.Equal(t, []string{"new"}, pair.Record.Spec.Deliveries)
	}
}
