package app

import (
	"context"
	"errors"
	"strings"

	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
)

func (d *doctor) zone(zone dns01.ZoneConfig) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if err := zone.Missing(); err != nil {
			return "", inEntry(err)
		}
		name, err := dns01.Probe(ctx, zone, d.config.DNS01)
		if err != nil {
			return "", err
		}
		return "a TXT record could be written, and removed again, at " + name, nil
	}
}

func (d *doctor) target(target delivery.Config) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		_, kind, err := target.Kind()
		if err != nil {
			return "", err
		}
		if err := target.Missing(); err != nil {
			return "", inEntry(err)
		}
		prober, ok := kind.(delivery.Prober)
		switch {
		case ok:
			return prober.Probe(ctx)
		case kind.Fetched():
			return "clients fetch what it offers from the pull listener", nil
		default:
			return "", caution("it cannot be tried without a delivery")
		}
	}
}

// inEntry is about fields of the entry that the look is for.
func inEntry(err error) error { return errors.New(strings.TrimPrefix(err.Error(), ".")) }
