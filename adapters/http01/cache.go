package http01

import (
	"sync"
	"time"
)

const (
	// cacheLife covers a CA's questions from several places for one validation; a removed token is answered that much
	// longer at most, which harms nobody: its authorization is final by then.
	cacheLife = 20 * time.Second
	cacheSize = 1024
)

// cache remembers tokens that were found. Misses are not remembered: a token may be stored a moment later.
type cache struct {
	mu      sync.Mutex
	entries map[string]entry
	now     func() time.Time
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
	c.entries[token] = entry{keyAuthorization: keyAuthorization, until: now.Add(cacheLife)}
}
