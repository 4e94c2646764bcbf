package app

import (
	"log/slog"
	"time"

	"everleaf/adapters/acme"
	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/adapters/temporal"
)

// Config is all that can be set. Each function says which parts it reads.
type Config struct {
	Postgres postgres.Config
	Sealing  sealing.Config
	ACME     acme.Config
	HTTP01   http01.Config
	Temporal Temporal
	Log      Log
	// CensusInterval is the least time between two counts of all certificates for metrics.
	CensusInterval time.Duration
	// StartTimeout bounds the wait for Postgres and the wait for Temporal, each.
	StartTimeout time.Duration
	// StopTimeout is how long running steps may go on after SIGTERM. The process is gone stopMargin later at the
	// latest, which together must stay under the platform's own limit (terminationGracePeriodSeconds).
	StopTimeout time.Duration
}

// Temporal says which server and which task queue.
type Temporal struct {
	// Settings stand above Temporal's own convention (TEMPORAL_*, temporal.toml).
	Settings temporal.Settings
	// TaskQueue is where workers poll.
	TaskQueue string
}

// Log says how to log.
type Log struct {
	// Format is "text" or "json".
	Format string
	Level  slog.Level
}

const (
	// stopMargin is what closing listeners and connections may take after the worker has stopped.
	stopMargin = 5 * time.Second
	// startStages is how many bounded waits a start has: Postgres, its checks, Temporal, the worker itself.
	startStages = 4
)

// temporalConfig loads the client's options; it contacts nobody.
func (c Config) temporalConfig() (temporal.Config, error) {
	if err := c.Temporal.validate(); err != nil {
		return temporal.Config{}, err
	}
	options, err := temporal.Options(c.Temporal.Settings)
	if err != nil {
		return temporal.Config{}, err
	}
	return temporal.Config{
		Client:    options,
		TaskQueue: c.Temporal.TaskQueue,
		// A little less than the whole, so that a step which is cut off can still say so.
		StopTimeout: c.StopTimeout * 4 / 5,
	}, nil
}
