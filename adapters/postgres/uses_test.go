package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
)

func TestCountUses(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	_, err := s.pool.Exec(t.Context(), `
		INSERT INTO certificates (name, phase, spec, wanted, retirement, released_at) VALUES
			('a', 'Ready', '{"issuers": ["default", "spare"], "deliveries": ["nginx"]}', NULL, NULL, NULL),
			('b', 'Ready', '{"deliveries": ["gone"]}', '{"deliveries": ["nginx", "files@edge"]}', NULL, NULL),
			('edited', 'Ready', '{"issuers": 7, "deliveries": {"a": 1}}', NULL, NULL, NULL),
			('clearing', 'Ready', '{"issuers": ["old"], "deliveries": ["asked"]}', NULL, 'Clearing', NULL),
			('retiring', 'Ready', '{"issuers": ["old"], "deliveries": ["asked"]}', NULL, 'Retiring', NULL),
			('released', 'Ready', '{"issuers": ["old"], "deliveries": ["asked"]}', NULL, NULL, now())`)
	require.NoError(t, err)
	_, err = s.pool.Exec(t.Context(), `
		INSERT INTO deliveries (certificate, target, contacted) VALUES
			('a', 'nginx', true), ('a', 'former', true), ('a', 'never', false),
			('clearing', 'left', true), ('retiring', 'kept', true), ('released', 'kept', true)`)
	require.NoError(t, err)
	uses, err := postgres.CountUses(t.Context(), s.pool)
	require.NoError(t, err)
	require.Equal(t, postgres.Uses{
		Issuers: map[string]int{"default": 3, "spare": 1},
		Targets: map[string]int{"nginx": 2, "files@edge": 1, "former": 1, "left": 1},
	}, uses)
}
