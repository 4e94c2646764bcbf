package dns01

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

// recordsAtOnce bounds the load that one order puts on a service or program that takes records one by one.
const recordsAtOnce = 4

// addEach has each record added, and ends with the first failure.
func addEach(ctx context.Context, zone string, records []ports.DNSRecord,
	add func(context.Context, ports.DNSRecord) error) error {
	return each(ctx, "add records to zone "+zone, records, add)
}

// removeEach has each record removed. One that is refused keeps no other one in DNS.
func removeEach(ctx context.Context, zone string, records []ports.DNSRecord,
	remove func(context.Context, ports.DNSRecord) error) error {
	refusals := make(chan error, len(records))
	err := each(ctx, "remove records from zone "+zone, records, func(ctx context.Context, r ports.DNSRecord) error {
		err := remove(ctx, r)
		if err != nil && domain.AsFault(err).Kind == domain.FaultOperator {
			refusals <- err
			return nil
		}
		return err
	})
	if err != nil || len(refusals) == 0 {
		return err
	}
	return <-refusals
}

func each(ctx context.Context, what string, records []ports.DNSRecord,
	do func(context.Context, ports.DNSRecord) error) error {
	all, inner := errgroup.WithContext(ctx)
	all.SetLimit(recordsAtOnce)
	for _, record := range records {
		all.Go(func() error { return do(inner, record) })
	}
	err := all.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	return err
}
