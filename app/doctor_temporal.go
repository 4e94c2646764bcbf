package app

import (
	"context"
	"fmt"
	"log/slog"

	"everleaf/adapters/postgres"
	"everleaf/adapters/temporal"
)

func (d *doctor) temporal() []look {
	target, settings := d.config.temporalConfig()
	c, err := temporal.NewClient(target, slog.New(slog.DiscardHandler))
	if settings != nil {
		err = settings
	}
	if err != nil {
		return []look{{"temporal", func(context.Context) (string, error) { return "", err }}}
	}
	d.closing(c.Close)
	looks := []look{
		{"temporal", func(ctx context.Context) (string, error) { return temporal.CheckReachable(ctx, c, target) }},
		{"temporal search attributes", func(ctx context.Context) (string, error) {
			known, err := temporal.CheckSearchAttributes(ctx, c, target)
			switch {
			case err != nil:
				return "", err
			case !known:
				return "", caution("the server does not let this user look whether the namespace knows them: ask somebody who may")
			}
			return fmt.Sprintf("namespace %q knows them", target.Client.Namespace), nil
		}},
	}
	for _, r := range d.config.polling() {
		queue := r.queue(target.TaskQueue, d.config.DeliveryHost)
		looks = append(looks, look{"task queue " + queue, func(ctx context.Context) (string, error) {
			seen, err := temporal.CheckPolled(ctx, c, target, queue, string(r.name), r.workflows)
			if err != nil && !d.running(ctx) {
				return "", caution("no worker process runs yet: start one with the role " + string(r.name))
			}
			return seen, err
		}})
	}
	return looks
}

// running reports whether any worker process is in the table.
func (d *doctor) running(ctx context.Context) bool {
	pool, err := d.pool()
	if err != nil {
		return true // nobody knows
	}
	processes, err := postgres.NewProcesses(pool).Processes(ctx)
	return err != nil || len(processes) > 0
}
