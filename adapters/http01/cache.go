package http01

import (
	"sync"
	"time"
)

const (
	// foundFor covers a CA's questions from several places for one validation; a removed token is answered that much
	// longer at most, which harms nobody: its authorization is final by then.
	foundFor = 20 * time.Second
	// missedFor covers a flood of one unknown token. It is short, for the token may be stored a moment later, though
	// nobody who is to see it asks before.
	missedFor = time.Second
	cacheSize = 1024
)

// cache remembers what was found, or that nothing was.
type cache struct {
	life time.Duration
	now  func() time.Time

	mu      sync.Mutex
	entries map[string]entry
}

func newCache(life time.Duration) *cache {
	return &cache{life: life, now: time.Now, entries: map[string]entry{}}
}

type entry struct {
	keyAuthorization string
	until            time.Time
}

func (c *cache) get(token string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[token]
	return e.keyAuthorization, ok && c.now().Before(e.until)
}

func (c *cache) put(token, keyAuthorization string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if len(c.entries) >= cacheSize {
		for t, e := range c.entries {
			if !now.Before(e.until) {
				delete(c.entries, t)
			}
		}
	}
	if len(c.entries) >= cacheSize {
		clear(c.entries)
	}
	c.entries[token] = entry{keyAuthorization: keyAuthorization, until: now.Add(c.life)}
}
