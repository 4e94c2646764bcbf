package temporal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
)

// probePause is the pause between looks whether the server is there.
const probePause = 250 * time.Millisecond

// NewClient makes a client that connects on first use. Close it. The fault is the operator's.
func NewClient(config Config, logger *slog.Logger) (client.Client, error) {
	options := config.Client
	options.Logger = sdklog.NewStructuredLogger(logger)
	// Our payloads are small: gzip would cost more processor time than it saves on the wire.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, domain.NewFault(domain.FaultOperator, "TemporalSettings", err,
			"no client for Temporal at %s (TEMPORAL_ADDRESS)", options.HostPort)
	}
	return c, nil
}

// WaitReachable waits until the server answers and has the namespace, until ctx ends at the latest; so give it a
// deadline. Credentials that are refused end the wait at once, since they do not come right by themselves. A namespace
// that is missing is asked for again: a new cluster's setup makes it after the server is up. Faults: Wait
// "TemporalUnreachable"; Operator "UnknownNamespace" and "TemporalRefused". A caller's cancellation is passed on as it
// is. It logs once that it waits.
func WaitReachable(ctx context.Context, c client.Client, config Config, logger *slog.Logger) error {
	var said error
	for tries := 0; ; tries++ {
		err := connection.Probe(ctx, c, config.Target())
		if ctx.Err() != nil && said != nil {
			err = said // the last look was cut off: what was seen before counts
		}
		said = err
		if err == nil || domain.AsFault(err).Reason == "TemporalRefused" {
			return err
		}
		if tries == 0 && ctx.Err() == nil {
			logger.Info("waiting for Temporal at "+config.Client.HostPort, "namespace", config.Client.Namespace,
				"reason", domain.AsFault(err).Reason)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return err
		case <-time.After(probePause):
		}
	}
}
