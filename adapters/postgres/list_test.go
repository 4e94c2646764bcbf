package postgres_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
	"everleaf/ports"
)

func TestListPagesByName(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"c", "a", "d", "b"} {
		s.open(newOrder(name, "1"))
	}
	for _, c := range []struct {
		after string
		limit int
		want  []string
		next  string
	}{
		{"", 3, []string{"a", "b", "c"}, "c"}, {"c", 3, []string{"d"}, ""}, {"c", 1, []string{"d"}, "d"},
		{"d", 3, nil, ""},
		{"", 0, nil, ""}, {"", -1, nil, ""},
	} {
		page, err := s.List(t.Context(), ports.CertificateFilter{}, c.after, c.limit)
		require.NoError(t, err)
		require.Equal(t, c.want, listedNames(page), "%+v", c)
		require.Equal(t, c.next, page.Next, "%+v", c)
	}
	_, err := s.Current(t.Context(), "nobody")
	require.Contains(t, requireFault(t, err, domain.FaultSpec, "UnknownCertificate").Message, `"nobody"`)
}

func (s store) exec(statement string, args ...any) {
	s.t.Helper()
	_, err := s.pool.Exec(s.t.Context(), statement, args...)
	require.NoError(s.t, err)
}

func listedNames(page ports.CertificatePage) (names []string) {
	for _, listed := range page.Certificates {
		names = append(names, listed.Name)
	}
	return names
}

func TestListFilters(t *testing.T) {
	s := newStore(t)
	order := func(name, issuer string, names ...string) ports.NewOrder {
		o := newOrder(name, name+"/1", names...)
		o.Issuer, o.Spec.Issuers, o.Spec.Tenant = issuer, []string{issuer}, "team-"+issuer
		return o
	}
	s.issue(order("ready", "main", "www.ready.example", "ready.example"))
	s.issue(order("soon", "spare"))
	s.issue(order("failing", "main"))
	s.issue(order("revoked", "main"))
	s.issue(order("released", "main"))
	s.issue(order("retiring", "main"))
	s.open(order("waiting", "spare"))
	s.fail("failing", domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down"}, Attempts: 1, At: noon,
		RetryAt: noon})
	s.exec(`UPDATE versions SET not_after = now() + interval '3 days' WHERE certificate = 'soon'`)
	s.exec(`UPDATE versions SET revoked_at = $1 WHERE certificate = 'revoked'`, noon)
	s.exec(`UPDATE certificates SET released_at = $1, retirement = 'Retiring' WHERE name = 'released'`, noon)
	s.exec(`UPDATE certificates SET retirement = 'Clearing' WHERE name = 'retiring'`)

	for name, c := range map[string]struct {
		filter ports.CertificateFilter
		want   []string
	}{
		"all that are kept": {ports.CertificateFilter{}, []string{"failing", "ready", "retiring", "revoked", "soon",
			"waiting"}},
		"and the others": {ports.CertificateFilter{Released: true},
			[]string{"failing", "ready", "released", "retiring", "revoked", "soon", "waiting"}},
		"ready":     {ports.CertificateFilter{State: domain.PhaseReady}, []string{"ready", "soon"}},
		"failing":   {ports.CertificateFilter{State: domain.PhaseFailing}, []string{"failing"}},
		"issuing":   {ports.CertificateFilter{State: domain.PhaseIssuing}, []string{"waiting"}},
		"revoked":   {ports.CertificateFilter{State: domain.PhaseRevoked}, []string{"revoked"}},
		"released":  {ports.CertificateFilter{State: domain.PhaseReleased}, []string{"released"}},
		"retiring":  {ports.CertificateFilter{State: domain.PhaseRetiring}, []string{"retiring"}},
		"an issuer": {ports.CertificateFilter{Issuer: "spare"}, []string{"soon", "waiting"}},
		"a tenant": {ports.CertificateFilter{Tenant: "team-main", State: domain.PhaseReady},
			[]string{"ready"}},
		"nobody's": {ports.CertificateFilter{Tenant: "x"}, nil},
		"expiring": {ports.CertificateFilter{ExpiringBefore: time.Now().Add(7 * 24 * time.Hour)},
			[]string{"soon"}},
		"a name":            {ports.CertificateFilter{Pattern: "Soon"}, []string{"soon"}},
		"a DNS name":        {ports.CertificateFilter{Pattern: "www.*"}, []string{"ready"}},
		"one asked for":     {ports.CertificateFilter{Pattern: "wait*.example"}, []string{"waiting"}},
		"one character":     {ports.CertificateFilter{Pattern: "so?n"}, []string{"soon"}},
		"a part of a name":  {ports.CertificateFilter{Pattern: "oo"}, nil},
		"nothing of LIKE's": {ports.CertificateFilter{Pattern: `s__n%\`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for after := ""; ; {
				page, err := s.List(t.Context(), c.filter, after, 2)
				require.NoError(t, err)
				got = append(got, listedNames(page)...)
				for _, listed := range page.Certificates {
					require.Empty(t, listed.Malformed)
					require.True(t, c.filter.State == "" || listed.State == c.filter.State, listed.State)
				}
				if after = page.Next; after == "" {
					break
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

// A certificate without a tenant is its registered domain's.
func TestListOfATenantByDefault(t *testing.T) {
	s := newStore(t)
	for name, spec := range map[string][]string{
		"apex": {"", "acme.example"}, "wildcard": {"", "*.acme.example"},
		"below": {"", "a.b.acme.example", "x.example"},
		"named": {"acme.example", "x.example"}, "others": {"shop", "www.acme.example"}, "second": {"", "x.example",
			"acme.example"}, "longer": {"", "notacme.example"}, "bucket": {"", "b.s3.amazonaws.com"},
		"amazon": {"", "www.amazonaws.com"},
	} {
		o := newOrder(name, name+"/1", spec[1:]...)
		o.Spec.Tenant = spec[0]
		s.open(o)
	}
	for tenant, want := range map[string][]string{
		"acme.example": {"apex", "below", "named", "wildcard"}, "shop": {"others"}, "a.b.acme.example": nil,
		"amazonaws.com": {"amazon"}, "example": nil,
	} {
		page, err := s.List(t.Context(), ports.CertificateFilter{Tenant: tenant}, "", 100)
		require.NoError(t, err)
		require.Equal(t, want, listedNames(page), tenant)
	}
}

func TestListShowsStatesAndDeliveries(t *testing.T) {
	s := newStore(t)
	order := newOrder("web", "web/1")
	order.Spec.Deliveries = []string{"a", "b", "c"}
	issued := s.issue(order)
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultOperator, Reason: "UnknownTarget"}, Attempts: 1,
		At: noon, RetryAt: noon}
	s.exec(`INSERT INTO deliveries (certificate, target, contacted, version, delivered_at, failure) VALUES
		('web', 'a', true, $1, now(), NULL), ('web', 'b', false, NULL, NULL, $2), ('web', 'formerly', true, $1, now(), NULL)`, issued.Version, failure)
	s.exec(`UPDATE versions SET revoked_at = $1`, noon)
	got := s.list()[0]
	require.Equal(t, domain.PhaseReady, got.Phase)
	require.Equal(t, domain.PhaseRevoked, got.State)
	require.Equal(t, &noon, got.RevokedAt)
	require.True(t, got.Issued.Revoked)
	issued.Revoked = true
	require.Equal(t, &issued, got.Issued)
	require.Equal(t, ports.DeliveryCount{Targets: 3, Current: 1, Failing: 1,
		Failure: &domain.Delivery{Target: "b", Failure: &failure}}, got.Delivered)
}

// Whatever somebody has written into a row by hand, the others are listed, and what can be read of it.
func TestAMalformedRowDoesNotEndTheList(t *testing.T) {
	for edit, says := range map[string]string{
		`UPDATE certificates SET spec = '"x"' WHERE name = 'b'`:                               "spec: json: cannot unmarshal string",
		`UPDATE certificates SET spec = '{}' WHERE name = 'b'`:                                "spec: no names",
		`UPDATE certificates SET spec = '{"names": "b.example"}' WHERE name = 'b'`:            "spec: json: cannot unmarshal string",
		`UPDATE certificates SET spec = '{"names": ["x"], "deliveries": 7}' WHERE name = 'b'`: "spec: json: cannot unmarshal number",
		`ALTER TABLE certificates DROP CONSTRAINT certificates_phase_check;
		UPDATE certificates SET phase = 'Asleep' WHERE name = 'b'`: `phase: "Asleep" is none`,
		`ALTER TABLE certificates ALTER phase DROP NOT NULL;
		UPDATE certificates SET phase = NULL WHERE name = 'b'`: `phase: "" is none`,
		`UPDATE certificates SET wanted = '7' WHERE name = 'b'`:                                   "wanted: json: cannot unmarshal number",
		`UPDATE certificates SET failure = '[]' WHERE name = 'b'`:                                 "failure: json: cannot unmarshal array",
		`UPDATE certificates SET failure = '{"at": "today"}' WHERE name = 'b'`:                    "failure: parsing time",
		`UPDATE versions SET renewal = '{"at": 7}' WHERE certificate = 'b'`:                       "renewal: Time.UnmarshalJSON",
		`UPDATE versions SET not_after = 'infinity' WHERE certificate = 'b'`:                      "version: parsing time",
		`UPDATE certificates SET released_at = '-infinity' WHERE name = 'b'`:                      "released_at: parsing time",
		`INSERT INTO deliveries (certificate, target, failure) VALUES ('b', 't', '"unreadable"')`: "deliveries: json: cannot unmarshal string",
	} {
		t.Run(says, func(t *testing.T) {
			s := newStore(t)
			for _, name := range []string{"a", "b", "c"} {
				s.issue(newOrder(name, name+"/1"))
			}
			s.exec(edit)
			for _, pattern := range []string{"", "?"} {
				page, err := s.List(t.Context(), ports.CertificateFilter{Released: true, Pattern: pattern}, "", 10)
				require.NoError(t, err)
				require.Equal(t, []string{"a", "b", "c"}, listedNames(page))
				require.Contains(t, page.Certificates[1].Malformed, says)
				require.Empty(t, page.Certificates[0].Malformed)
				require.Empty(t, page.Certificates[2].Malformed)
			}
			var names []string
			require.NoError(t, s.pool.QueryRow(t.Context(),
				`SELECT array_agg(name ORDER BY name) FROM everleaf_certificates
				WHERE cardinality(requested_names) >= 0`).Scan(&names), "nor others' queries")
			require.Len(t, names, 3)
		})
	}
}

// No statement of a list reads a table from end to end, nor sorts one, and what a page reads does not depend on the
// fleet.
func TestListOf100000(t *testing.T) {
	t.Parallel()
	_, url := postgrestest.New(t)
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	sent := &statements{}
	config.ConnConfig.Tracer = sent
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	const fleet = 100_000
	_, err = pool.Exec(t.Context(), fmt.Sprintf(`
		SET session_replication_role = replica; -- no check of foreign keys, row by row
		INSERT INTO certificates (name, spec, phase, current_version, released_at, retirement)
		SELECT 'c' || lpad(n::text, 6, '0'), jsonb_build_object('names', ARRAY['c' || n || '.example.com'], 'issuers', ARRAY['main'], 'tenant',
				't' || n %% 100, 'deliveries', ARRAY['hook']),
			CASE WHEN n %% 1000 = 1 THEN 'Failing' ELSE 'Ready' END, md5('v' || n)::uuid, CASE WHEN n %% 1000 = 2 THEN now() END,
			CASE WHEN n %% 1000 = 4 THEN 'Clearing' END
		FROM generate_series(1, %[1]d) n;
		INSERT INTO versions (id, certificate, order_id, issuer, issuer_cn, names, serial, not_before, not_after, ari_id, account_url, chain_pem,
			key_type, profile, renewal, renew_at, revoked_at)
		SELECT md5('v' || n)::uuid, 'c' || lpad(n::text, 6, '0'), md5('o' || n)::uuid, 'main', 'CA', ARRAY['c' || n || '.example.com'], n::text, now(),
			now() + n * interval '1 minute', '', '', 'chain', '', '', '{"at": "2030-01-01T00:00:00Z"}', '2030-01-01T00:00:00Z',
			CASE WHEN n %% 1000 = 3 THEN now() END
		FROM generate_series(1, %[1]d) n;
		INSERT INTO deliveries (certificate, target, contacted, version, delivered_at)
		SELECT name, 'hook', true, current_version, now() FROM certificates;
		SET session_replication_role = origin;
		ANALYZE certificates, versions, deliveries`, fleet))
	require.NoError(t, err)
	s := store{Catalog: postgres.NewCatalog(pool), pool: pool, t: t}
	const limit = 500
	for name, c := range map[string]struct {
		filter ports.CertificateFilter
		pages  int // how many are read until the end, at most
	}{
		"all":      {ports.CertificateFilter{}, fleet/limit + 1},
		"failing":  {ports.CertificateFilter{State: domain.PhaseFailing}, 1},
		"issuing":  {ports.CertificateFilter{State: domain.PhaseIssuing}, 1},
		"revoked":  {ports.CertificateFilter{State: domain.PhaseRevoked}, 1},
		"released": {ports.CertificateFilter{State: domain.PhaseReleased}, 1},
		"retiring": {ports.CertificateFilter{State: domain.PhaseRetiring}, 1},
		"ready":    {ports.CertificateFilter{State: domain.PhaseReady}, fleet/limit + 1},
		"many": {ports.CertificateFilter{Issuer: "main", Tenant: "t7", ExpiringBefore: time.Now().Add(time.Hour),
			Pattern:  "*.example.com",
			Released: true}, fleet/limit + 1},
	} {
		pages, found := 0, 0
		for after := ""; pages < 3; {
			var page ports.CertificatePage
			statements := sent.sent(func() { page, err = s.List(t.Context(), c.filter, after, limit) })
			require.NoError(t, err, name)
			require.Len(t, statements, 1)
			require.Empty(t, s.scanned(statements[0]), "%s: %s", name, statements[0].SQL)
			pages, found = pages+1, found+len(page.Certificates)
			if after = page.Next; after == "" {
				break
			}
		}
		require.LessOrEqual(t, pages, c.pages, name)
		if c.pages == 1 && name != "issuing" {
			require.Equal(t, fleet/1000, found, name)
		}
	}
	// The whole list, as the command reads it.
	var names []string
	for after := ""; ; {
		page, err := s.List(t.Context(), ports.CertificateFilter{}, after, limit)
		require.NoError(t, err)
		names = append(names, listedNames(page)...)
		if after = page.Next; after == "" {
			break
		}
	}
	require.Len(t, names, fleet-fleet/1000) // those that are released
	require.True(t, slices.IsSorted(names))
	require.False(t, strings.HasSuffix(names[1], strconv.Itoa(2)), "released")
}
