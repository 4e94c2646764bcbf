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

func TestEventsComeFromTheNewestOn(t *testing.T) {
	s := newStore(t)
	timelines := postgres.NewTimelines(s.pool)
	_, err := timelines.Timeline(t.Context(), "web", 10)
	requireFault(t, err, domain.FaultSpec, "UnknownCertificate")

	issued := s.issue(newOrder("web", "web/1"))
	plan := s.plan("web", issued.Version, domain.RenewalPlan{At: noon, Reason: "ARIWindow"}, noon.Add(time.Hour))
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "ServerError"}, Attempts: 1, At: noon,
		RetryAt: noon}
	_, err = s.pool.Exec(t.Context(), `INSERT INTO deliveries (certificate, target, version, delivered_at, failure) VALUES
		('web', 'b', NULL, NULL, $1), ('web', 'a@edge', $2, $3, NULL)`, failure, issued.Version, noon)
	require.NoError(t, err)

	timeline, err := timelines.Timeline(t.Context(), "web", 10)
	require.NoError(t, err)
	require.Equal(t, "web", timeline.Name)
	require.Equal(t, &issued, timeline.Issued)
	require.Equal(t, &plan, timeline.Renewal)
	require.Nil(t, timeline.Wanted)
	require.Equal(t, noon.Add(time.Hour), timeline.NextCheck.UTC())
	require.Equal(t, []domain.Delivery{
		{Target: "a@edge", Version: issued.Version, At: noon}, {Target: "b", Failure: &failure},
	}, timeline.Deliveries)
	types := func(events []ports.Event) (types []string) {
		for _, e := range events {
			types = append(types, e.Type)
		}
		return types
	}
	require.Equal(t, []string{"renewal_planned", "issued", "placed"}, types(timeline.Events))
	require.False(t, timeline.Earlier)

	wider := newOrder("web", "web/2", "web.example", "www.web.example")
	s.open(wider)
	timeline, err = timelines.Timeline(t.Context(), "web", 1)
	require.NoError(t, err)
	require.Equal(t, &wider.Spec, timeline.Wanted, "asked for, and not in service yet")
	require.Equal(t, []string{"renewal_planned"}, types(timeline.Events))
	require.True(t, timeline.Earlier)
}

func TestAnExportIsWrittenDown(t *testing.T) {
	s := newStore(t)
	timelines := postgres.NewTimelines(s.pool)
	export := ports.KeyExport{Certificate: "web", Version: "v1", Serial: "0a", By: "me\x00@here", Through: "cli",
		Reason: "to look"}
	require.NoError(t, timelines.RecordExport(t.Context(), export))
	var got map[string]string
	require.NoError(t, json.Unmarshal(query[[]byte](s,
		`SELECT detail FROM events WHERE certificate = 'web' AND type = 'exported'`), &got))
	require.Equal(t, map[string]string{"version": "v1", "serial": "0a", "by": "me\uFFFD@here", "through": "cli",
		"reason": "to look"}, got)

	_, err := s.pool.Exec(t.Context(), `ALTER TABLE events RENAME TO lost_events`)
	require.NoError(t, err)
	requireFault(t, timelines.RecordExport(t.Context(), export), domain.FaultOperator, "DatabaseError")
}

// A row that somebody has edited names itself and the column, and harms no other.
func TestTimelineOfAMalformedRow(t *testing.T) {
	for edit, says := range map[string]string{
		`UPDATE certificates SET spec = '"x"' WHERE name = 'b'`:                                   "column spec: json: cannot unmarshal string",
		`UPDATE certificates SET wanted = '7' WHERE name = 'b'`:                                   "column wanted: json: cannot unmarshal number",
		`UPDATE certificates SET failure = '{"at": "today"}' WHERE name = 'b'`:                    "column failure: parsing time",
		`UPDATE versions SET renewal = '{"at": 7}' WHERE certificate = 'b'`:                       "column renewal: Time.UnmarshalJSON",
		`UPDATE versions SET not_after = 'infinity' WHERE certificate = 'b'`:                      "column not_after: ",
		`UPDATE versions SET revoking = '{"after": 7}' WHERE certificate = 'b'`:                   "column versions.revoking: ",
		`INSERT INTO deliveries (certificate, target, failure) VALUES ('b', 't', '"unreadable"')`: "column deliveries.failure: json: cannot unmarshal string",
		`ALTER TABLE certificates ALTER phase DROP NOT NULL;
		UPDATE certificates SET phase = NULL WHERE name = 'b'`: "column phase: cannot scan NULL",
	} {
		t.Run(says, func(t *testing.T) {
			s := newStore(t)
			for _, name := range []string{"a", "b"} {
				s.issue(newOrder(name, name+"/1"))
			}
			s.exec(edit)
			timelines := postgres.NewTimelines(s.pool)
			_, err := timelines.Timeline(t.Context(), "b", 10)
			requireFault(t, err, domain.FaultOperator, "DatabaseError")
			require.ErrorContains(t, err, `certificate "b": its row in Postgres cannot be read: somebody has edited it; correct `+says)
			_, err = timelines.Timeline(t.Context(), "a", 10)
			require.NoError(t, err)
			// What the workflow reads is the same; it reads neither spec nor phase, nor a target that nobody contacted.
			if _, err := s.Record(t.Context(), "b"); err != nil {
				require.ErrorContains(t, err, "correct "+says)
			} else {
				require.Regexp(t, "^column (spec|wanted|phase|deliveries.failure):", says)
			}
		})
	}
}
