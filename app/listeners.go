package app

import (
	"context"
	"log/slog"
	"sync"

	"go.uber.org/fx"

	"everleaf/adapters/http01"
	"everleaf/adapters/pull"
)

// listeners are those of the roles that others ask: responder and pull.
type listeners struct {
	health *health
	logger *slog.Logger
	all    []served
}

// served is one role's listener.
type served struct {
	role Role
	listener
}

type listener interface {
	Start(context.Context) error
	Stop(context.Context) error
	Addr() string
	Readiness(context.Context) (detail string, err error)
}

// keepListeners comes before the listeners: it stops them when the workers have drained, for a CA may ask about their
// challenges until then. They stop side by side, so that one budget is there for all.
func keepListeners(lifecycle fx.Lifecycle, l *listeners) { lifecycle.Append(fx.StopHook(l.stop)) }

func keepResponder(lifecycle fx.Lifecycle, l *listeners, responder *http01.Responder) {
	l.keep(lifecycle, RoleResponder, responder)
}

func keepPull(lifecycle fx.Lifecycle, l *listeners, server *pull.Server) {
	l.keep(lifecycle, RolePull, server)
}

func newListeners(health *health, logger *slog.Logger) *listeners {
	return &listeners{health: health, logger: logger}
}

func (l *listeners) keep(lifecycle fx.Lifecycle, role Role, one listener) {
	l.all = append(l.all, served{role, one})
	l.health.check(string(role), one.Readiness)
	lifecycle.Append(fx.StartHook(func(ctx context.Context) error {
		if err := one.Start(ctx); err != nil {
			return err
		}
		l.logger.Info("listener started", "role", role, "listen", one.Addr())
		return nil
	}))
}

func (l *listeners) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, listenersTime)
	defer cancel()
	var stopping sync.WaitGroup
	for _, s := range l.all {
		stopping.Go(func() {
			if err := s.Stop(ctx); err != nil {
				l.logger.Warn("shutdown timed out: connections were closed", "role", s.role, "after",
					listenersTime.String(),
					"error", err)
			}
		})
	}
	stopping.Wait()
}
