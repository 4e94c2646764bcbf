package postgres_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
)

// Connections that lead nowhere any more, with neither end informed, cost one bounded wait; then all are new.
func TestASilentConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	_, direct := postgrestest.New(t)
	address, err := url.Parse(direct)
	require.NoError(t, err)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer front.Close()
	var dead atomic.Bool // what the server says to the connections made so far is lost
	go forgetful(front, address.Host, &dead)
	address.Host = front.Addr().String()

	pool, err := postgres.Open(t.Context(), postgres.Config{URL: address.String()})
	require.NoError(t, err)
	defer pool.Close()
	tokens := postgres.NewHTTPTokens(pool)
	var together sync.WaitGroup
	for range 4 { // as many connections as the pool makes at least
		together.Go(func() { _, _ = pool.Exec(t.Context(), `SELECT pg_sleep(0.2)`) })
	}
	together.Wait()
	require.GreaterOrEqual(t, pool.Stat().TotalConns(), int32(4))

	dead.Store(true)
	began := time.Now()
	_, err = tokens.KeyAuthorizations(t.Context(), []string{"token"})
	fault := requireFault(t, err, domain.FaultWait, "DatabaseUnavailable")
	require.ErrorContains(t, fault, "no answer for 10s")
	require.Less(t, time.Since(began), 15*time.Second)
	began = time.Now()
	_, err = tokens.KeyAuthorizations(t.Context(), []string{"token"})
	require.NoError(t, err)
	require.Less(t, time.Since(began), 5*time.Second, "no other of the old connections is tried")
}

// forgetful relays; once dead is set, connections made before swallow what the server says.
func forgetful(front net.Listener, server string, dead *atomic.Bool) {
	for {
		near, err := front.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", server)
		if err != nil {
			_ = near.Close()
			continue
		}
		mortal := !dead.Load()
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		go func() {
			_, _ = io.Copy(writerFunc(func(p []byte) (int, error) {
				if mortal && dead.Load() {
					return len(p), nil
				}
				return near.Write(p)
			}), far)
			_ = near.Close()
		}()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
