package http01

import (
	"context"
	"maps"
	"slices"
	"sync"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	// parallel bounds the statements at once: several, since one may hang until its connection is given up.
	parallel = 4
	// maxWaiting bounds the tokens that wait for their statement.
	maxWaiting = 4096
)

// lookups ask the store for tokens. However many requests there are, there are few statements: those that come while
// they are under way are all in the next one. So a flood of unknown tokens costs the database little, and a request for
// a known one waits no longer than for two statements.
type lookups struct {
	tokens ports.HTTPTokens

	mu      sync.Mutex
	waiting map[string]*question
	asking  int // statements under way
}

// question is one token; done is closed when answer and err are set.
type question struct {
	done   chan struct{}
	answer string
	err    error
}

// ask returns the token's key authorization, empty if it is unknown. Faults: those of the store; Wait "Busy".
func (l *lookups) ask(ctx context.Context, token string) (string, error) {
	q, err := l.enter(token)
	if err != nil {
		return "", err
	}
	select {
	case <-q.done:
		return q.answer, q.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (l *lookups) enter(token string) (*question, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q, ok := l.waiting[token]; ok {
		return q, nil
	}
	if len(l.waiting) >= maxWaiting {
		return nil, domain.NewFault(domain.FaultWait, domain.ReasonBusy, nil, "too many tokens are asked for at once")
	}
	q := &question{done: make(chan struct{})}
	if l.waiting == nil {
		l.waiting = map[string]*question{}
	}
	l.waiting[token] = q
	if l.asking < parallel {
		l.asking++
		go l.run()
	}
	return q, nil
}

// run asks for all that wait, until nobody does.
func (l *lookups) run() {
	for {
		l.mu.Lock()
		batch := l.waiting
		l.waiting = nil
		if len(batch) == 0 {
			l.asking--
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.answer(batch)
	}
}

func (l *lookups) answer(batch map[string]*question) {
	// A request that ends must not end the others' statement.
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	found, err := l.tokens.KeyAuthorizations(ctx, slices.Sorted(maps.Keys(batch)))
	for token, q := range batch {
		q.answer, q.err = found[token], err
		close(q.done)
	}
}
