package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// Each request leaves an event that says who asked, and why where somebody gave a note.
func TestEachRequestNotesItsCaller(t *testing.T) {
	s := newStore(t)
	issued := s.issue(newOrder("web", "web/1"))
	spec := domain.Spec{Names: []string{"web.example", "www.web.example"}}.WithDefaults()
	for kind, want := range map[domain.RequestKind]string{
		domain.RequestEnsure: "changed alice@laptop ", domain.RequestRenew: "renewal_requested alice@laptop by hand",
		domain.RequestRevoke: "revocation_requested alice@laptop by hand",
		domain.RequestRetire: "retirement_requested alice@laptop by hand",
	} {
		request := ports.StoredRequest{Version: issued.Version,
			Request: domain.Request{ID: string(kind), Kind: kind, At: early, Note: "by hand",
				Caller: "alice@laptop"}}
		if kind == domain.RequestEnsure {
			request.Spec, request.Changes = &spec, []string{"names: added www.web.example"}
		}
		for range 2 {
			s.ask("web", request)
		}
		require.Equal(t, want, query[string](s,
			`SELECT string_agg(type || ' ' || (detail ->> 'caller') || ' ' || coalesce(detail ->> 'note', ''), ', ')
			FROM events WHERE detail ->> 'request' = $1`, string(kind)))
	}
	require.NoError(t, func() error { _, err := s.RecordReleased(t.Context(), "web", noon, true); return err }())
	require.Equal(t, "true", query[string](s, `SELECT detail ->> 'cancelled' FROM events WHERE type = 'released'`))
}
