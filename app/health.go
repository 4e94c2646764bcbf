package app

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/fx"

	"everleaf/adapters/ops"
	"everleaf/adapters/temporal"
)

// defaultCredentialsGrace lets a server restart and a token be replaced.
const defaultCredentialsGrace = time.Minute

// health is what the process reports about itself. The parts add their checks while they start; the checks count when
// all have started.
type health struct {
	*ops.Listener
	checks []ops.Check
}

// openHealth listens before anything is waited for, so that a start that waits can say for what.
func openHealth(ctx context.Context, config Config, logger *slog.Logger) (*health, error) {
	h := &health{Listener: ops.NewListener(config.Ops, logger)}
	h.Starting("waiting for Postgres")
	return h, h.Start(ctx)
}

// close comes last of all.
func (h *health) close(logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), probesTime)
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		logger.Warn("shutdown timed out: connections of the operations listener were closed", "after",
			probesTime.String(),
			"error", err)
	}
}

// check adds a check of a server.
func (h *health) check(name string, run func(context.Context) (string, error)) {
	h.checks = append(h.checks, ops.Check{Name: name, Run: run})
}

// newClient makes the client whose polls are watched: the process ends when they are refused for good.
func newClient(config Config, target temporal.Config, end *outcome,
	logger *slog.Logger) (client.Client, *temporal.Polls, error) {
	grace := config.Temporal.CredentialsGrace
	if grace == 0 {
		grace = defaultCredentialsGrace
	}
	polls := temporal.NewPolls(target, grace, end.fatal)
	target.Client = polls.Watch(target.Client)
	c, err := temporal.NewClient(target, logger)
	return c, polls, err
}

// checkPolls looks at the polls of this process: from the server's side, from the client's, and for liveness whether
// they come back at all.
func (h *health) checkPolls(c client.Client, target temporal.Config, polls *temporal.Polls, pollers []temporal.Poller) {
	h.check("pollers", func(ctx context.Context) (string, error) {
		if err := polls.Refused(); err != nil {
			return "", err // the server lists a poller for minutes after its last good poll
		}
		return temporal.CheckPollers(ctx, c, target, pollers)
	})
	h.checks = append(h.checks, ops.Check{Name: "polls", Vital: true, Run: func(context.Context) (string, error) {
		return "none is stuck", polls.Stuck()
	}})
}

// keepHealth is the last to start and the first to stop: readiness begins when all else is there, and it ends before
// anything is taken down.
func keepHealth(lifecycle fx.Lifecycle, config Config, h *health) {
	lifecycle.Append(fx.Hook{
		OnStart: func(context.Context) error {
			h.Running("runs "+JoinRoles(config.Roles), h.checks...)
			return nil
		},
		OnStop: func(context.Context) error {
			h.Draining("asked to stop; running steps may go on for " + config.StopTimeout.String())
			return nil
		},
	})
}
