package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/fx"

	"everleaf/domain"
)

// RunWorker runs the worker until ctx ends or SIGINT or SIGTERM comes, then drains it. An error says in one line
// what was wrong and where: a setting, a server that cannot be reached, a schema or a sealing key that does not fit,
// an error that polling cannot recover from. It reads all of config.
func RunWorker(ctx context.Context, config Config, logger *slog.Logger) error {
	if err := config.Validate(); err != nil {
		return err
	}
	health, err := openHealth(ctx, config, logger)
	if err != nil {
		return err
	}
	var stopRequested time.Time // and nothing went wrong
	defer func() {
		health.close(logger)
		if !stopRequested.IsZero() {
			logger.Info("everleaf stopped", "took", time.Since(stopRequested).Round(time.Millisecond).String())
		}
	}()
	var end *outcome
	process := fx.New(Worker(ctx, config, health, logger), fx.Populate(&end))
	if err := process.Err(); err != nil {
		return plain(ctx, err)
	}
	starting, cancel := context.WithTimeout(ctx, process.StartTimeout())
	defer cancel()
	if err := process.Start(starting); err != nil {
		return plain(ctx, err)
	}
	logger.Info("everleaf started", "roles", JoinRoles(config.Roles), "stopBudget", config.StopBudget().String())
	select {
	case <-ctx.Done():
	case <-process.Wait():
	}
	began := time.Now()
	// Draining must not end because ctx did.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), process.StopTimeout())
	defer cancel()
	err = errors.Join(end.err(), process.Stop(stopping))
	if err == nil {
		stopRequested = began
	}
	return err
}

// plain takes fx's chain of constructors away: what is left is the fault. A start that the caller ended is no error.
// A fault for the same reason as its cause speaks for both: two adapters say the same of a wrong sealing key.
func plain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) {
		return fault
	}
	return err
}

// outcome keeps why the worker ended by itself, if it did.
type outcome struct {
	logger     *slog.Logger
	health     *health
	shutdowner fx.Shutdowner
	cause      atomic.Pointer[domain.Fault]
}

func newOutcome(logger *slog.Logger, health *health, shutdowner fx.Shutdowner) *outcome {
	return &outcome{logger: logger, health: health, shutdowner: shutdowner}
}

// fatal ends the process: a worker that polls no more must be restarted, not looked at. The first fault is the reason.
func (o *outcome) fatal(err error) {
	o.logger.Error("worker failed", "error", err)
	if !o.cause.CompareAndSwap(nil, domain.AsFault(err)) {
		return
	}
	o.health.Failed(err)
	if err := o.shutdowner.Shutdown(fx.ExitCode(1)); err != nil {
		o.logger.Error("shutdown signal not sent", "error", err)
		os.Exit(1)
	}
}

// err is a nil interface if there is none.
func (o *outcome) err() error {
	if fault := o.cause.Load(); fault != nil {
		return fault
	}
	return nil
}
