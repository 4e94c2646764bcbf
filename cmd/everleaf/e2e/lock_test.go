package e2e

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// lock keeps everybody from writing into a table: the next statement that does waits, until the returned function is
// called.
func (s *stack) lock(table string) (unlock func()) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	tx, err := s.pool.Begin(ctx)
	require.NoError(s.t, err)
	_, err = tx.Exec(ctx, `LOCK TABLE `+table+` IN SHARE MODE`)
	require.NoError(s.t, err)
	return sync.OnceFunc(func() {
		defer cancel()
		require.NoError(s.t, tx.Rollback(ctx))
	})
}

// locked counts the statements that wait for a table.
func (s *stack) locked(table string) int {
	s.t.Helper()
	return s.scalar(`SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND relation = $1::regclass`, table)
}
