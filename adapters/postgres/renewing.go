package postgres

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// renewing puts the credentials of now into each connection that is about to be made: the URL's, as its file holds it,
// and those in the files that it names. What cannot be used leaves those that were used last: a file is being replaced.
func (c Config) renewing() func(context.Context, *pgx.ConnConfig) error {
	var last atomic.Pointer[string]
	last.Store(&c.URL)
	return func(_ context.Context, connection *pgx.ConnConfig) error {
		config := c
		config.URL = *last.Load()
		if c.Reread != nil {
			if url, err := c.Reread(); err == nil {
				config.URL = url
			} else if c.Logger != nil {
				c.Logger.Warn("the file with the URL of Postgres cannot be used: the former one is", "error", err)
			}
		}
		now, err := parse(config)
		if err != nil {
			if c.Logger != nil {
				c.Logger.Warn("the URL of Postgres, or a file that it names, cannot be used: the former one is", "error", err)
			}
			config.URL = *last.Load()
			if now, err = parse(config); err != nil {
				return nil // a certificate's file: the pool has what it was at the start
			}
		}
		last.Store(&config.URL)
		connection.User, connection.Password = now.ConnConfig.User, now.ConnConfig.Password
		connection.TLSConfig = now.ConnConfig.TLSConfig
		for i := range min(len(connection.Fallbacks), len(now.ConnConfig.Fallbacks)) {
			connection.Fallbacks[i].TLSConfig = now.ConnConfig.Fallbacks[i].TLSConfig
		}
		return nil
	}
}
