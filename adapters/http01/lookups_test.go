package http01

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// slow is a store that takes a while for each statement, and counts them.
type slow struct {
	took       time.Duration
	statements atomic.Int32
	err        error
}

func (*slow) PutTokens(context.Context, string, []domain.Challenge) error { return nil }
func (*slow) RemoveTokens(context.Context, string) error                  { return nil }

func (s *slow) KeyAuthorizations(ctx context.Context, tokens []string) (map[string]string, error) {
	s.statements.Add(1)
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	found := map[string]string{}
	for _, token := range tokens {
		if token == "known" {
			found[token] = "known.k"
		}
	}
	return found, s.err
}

// Ten thousand requests for unknown tokens cost a statement for each time that one takes, and who asks for a known one in
// the middle waits for two of them at most.
func TestAFloodCostsFewStatements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{took: 10 * time.Millisecond}
		l := &lookups{tokens: store}
		var all sync.WaitGroup
		for i := range 10_000 { // 10 a millisecond: a second
			all.Go(func() {
				time.Sleep(time.Duration(i/10) * time.Millisecond)
				answer, err := l.ask(t.Context(), fmt.Sprint("unknown-", i))
				require.NoError(t, err)
				require.Empty(t, answer)
			})
		}
		var worst time.Duration
		for range 50 {
			began := time.Now()
			answer, err := l.ask(t.Context(), "known")
			require.NoError(t, err)
			require.Equal(t, "known.k", answer)
			worst = max(worst, time.Since(began))
			time.Sleep(7 * time.Millisecond)
		}
		all.Wait()
		synctest.Wait() // the statements' goroutines have ended
		require.LessOrEqual(t, worst, 2*store.took)
		require.LessOrEqual(t, store.statements.Load(), int32(parallel*1100/10))
		require.Zero(t, l.asking)
		require.Empty(t, l.waiting)
	})
}

func TestLookupsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lookups{tokens: &slow{took: time.Hour}}
		for i := range parallel { // each is a statement that hangs
			go func() { _, _ = l.ask(t.Context(), fmt.Sprint("first-", i)) }()
			synctest.Wait()
		}
		var refused atomic.Int32
		for i := range maxWaiting + 100 {
			go func() {
				if _, err := l.ask(t.Context(), fmt.Sprint(i)); domain.AsFault(err).Reason == domain.ReasonBusy {
					refused.Add(1)
				}
			}()
		}
		synctest.Wait()
		require.EqualValues(t, 100, refused.Load())
		time.Sleep(3 * storeTimeout) // the store's own limit ends the others
		synctest.Wait()
		require.Empty(t, l.waiting)
	})
}

// Who leaves does not end the statement for the others, and a failure is everybody's of that statement alone.
func TestEachHasTheAnswerOfItsStatement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{took: time.Second}
		l := &lookups{tokens: store}
		leaving, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := l.ask(leaving, "known")
			left <- err
		}()
		synctest.Wait()
		stays := make(chan string, 1)
		go func() {
			answer, _ := l.ask(t.Context(), "known")
			stays <- answer
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		require.Equal(t, "known.k", <-stays)

		synctest.Wait()
		store.err = errors.New("down")
		_, err := l.ask(t.Context(), "known")
		require.ErrorIs(t, err, store.err)
		synctest.Wait()
		store.err = nil
		_, err = l.ask(t.Context(), "known")
		require.NoError(t, err)
	})
}

// A token that is not there is not asked for again within a second, and then it is: it may have been stored.
func TestAMissIsRememberedForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{took: time.Millisecond}
		r := NewResponder(Config{}, store, nil)
		ask := func() {
			answer, err := r.lookUp(t.Context(), "unknown")
			require.NoError(t, err)
			require.Empty(t, answer)
		}
		ask()
		time.Sleep(missedFor - time.Millisecond)
		ask()
		require.EqualValues(t, 1, store.statements.Load())
		time.Sleep(2 * time.Millisecond)
		ask()
		require.EqualValues(t, 2, store.statements.Load())
	})
}
