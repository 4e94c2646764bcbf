package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Connections is the state of a pool of connections.
type Connections func() (used, idle, most int)

// ShowConnections exports the state of the pools, by their names.
func ShowConnections(m *Metrics, pools map[string]Connections) error {
	i := instruments{meter: m.own}
	gauge := i.gauge(postgresConnections)
	if i.err != nil {
		return i.err
	}
	_, err := m.own.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for name, pool := range pools {
			used, idle, most := pool()
			for state, n := range map[string]int{"used": used, "idle": idle, "max": most} {
				to.ObserveFloat64(gauge, float64(n), metric.WithAttributes(attribute.String("pool", name),
					attribute.String("state", state)))
			}
		}
		return nil
	}, gauge)
	return err
}
