package app

import (
	"context"
	"log/slog"
	"sync"

	"go.temporal.io/sdk/client"

	"everleaf/adapters/temporal"
	"everleaf/domain"
)

// hosted is one role's worker.
type hosted struct {
	role   Role
	queue  string
	worker *temporal.Worker
}

// workers are the workers of this process, one for each role that polls.
type workers struct {
	config Config
	target temporal.Config
	logger *slog.Logger
	all    []hosted
}

// newWorkers makes the workers with all that they can run.
func newWorkers(config Config, target temporal.Config, c client.Client, w work, end *outcome,
	logger *slog.Logger) (*workers, error) {
	settings := config.Workers.filled()
	options := temporal.WorkerOptions{
		MaxPollers: settings.MaxPollers, Versioning: settings.Versioning,
		Drain: config.StopTimeout, Release: releaseTime,
	}
	if settings.tuned() {
		tuner, err := temporal.NewTuner(settings.TargetMemory, settings.TargetCPU, logger)
		if err != nil {
			return nil, err
		}
		options.Tuner = tuner
	}
	temporal.SetStickyCache(settings.StickyCache)
	temporal.SetBuild(settings.Versioning.BuildID)
	fatal := func(err error) { end.fatal(temporal.PollFault(err, target)) }
	made := &workers{config: config, target: target, logger: logger}
	for _, r := range config.polling() {
		options.Role, options.TaskQueue = string(r.name), r.queue(target.TaskQueue, config.DeliveryHost)
		options.Workflows, options.Activities = r.workflows, r.activities
		options.Slots = r.slots(settings.Slots)
		host := hosted{role: r.name, queue: options.TaskQueue, worker: temporal.NewWorker(c, options, fatal)}
		r.register(host.worker, w)
		made.all = append(made.all, host)
	}
	return made, nil
}

// pollers are whom the server must see.
func (w *workers) pollers() (all []temporal.Poller) {
	for _, host := range w.all {
		all = append(all, host.worker.Pollers()...)
	}
	return all
}

// start is bounded here because the SDK's Start takes no context. Workers that have started before one that does not
// are stopped again.
func (w *workers) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.config.StartTimeout)
	defer cancel()
	if len(w.config.issuing()) > 0 {
		w.config.logIssuers(w.logger)
		w.config.logZones(w.logger)
	}
	if w.config.has(RoleDelivery) {
		w.config.logTargets(w.logger)
	}
	for i, host := range w.all {
		result := make(chan error, 1)
		go func() { result <- host.worker.Start() }()
		var err error
		select {
		case err = <-result:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			stopAll(ctx, w.all[:i])
			return domain.NewFault(domain.FaultOperator, domain.ReasonWorkerNotStarted, err,
				"the worker of role %s did not start on task queue %q of namespace %q at %s",
				host.role, host.queue, w.target.Client.Namespace, w.target.Client.HostPort)
		}
		w.logger.Info("worker started", "role", host.role, "taskQueue", host.queue, "namespace",
			w.target.Client.Namespace,
			"temporal", w.target.Client.HostPort)
	}
	return nil
}

// stop lets running steps finish. What does not finish in time is taken up by another worker, or by this one after its
// restart: every step is idempotent.
func (w *workers) stop(ctx context.Context) error {
	w.logger.Info("workers stopping", "within", (w.config.StopTimeout + releaseTime).String())
	ctx, cancel := context.WithTimeout(ctx, w.config.StopTimeout+releaseTime)
	defer cancel()
	if !stopAll(ctx, w.all) {
		w.logger.Warn("shutdown timed out: running steps were cancelled, and another worker repeats them",
			"stopTimeout",
			w.config.StopTimeout.String())
	}
	return nil
}

// stopAll stops the workers side by side, since one budget is there for all, and reports whether they ended within it.
func stopAll(ctx context.Context, all []hosted) (finished bool) {
	return bounded(ctx, func() {
		var stopping sync.WaitGroup
		for _, host := range all {
			stopping.Go(host.worker.Stop)
		}
		stopping.Wait()
	})
}
