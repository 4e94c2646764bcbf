package temporal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
)

const (
	// probePause is the pause between looks whether the server is there.
	probePause = 250 * time.Millisecond
	// keepAliveTime is the silence after which a connection is probed, keepAliveTimeout how long the answer may take.
	keepAliveTime, keepAliveTimeout = 15 * time.Second, 10 * time.Second
	// reconnectPause is the longest pause between attempts to connect, connectTimeout the time for one: with TLS it is
	// several round trips.
	reconnectPause, connectTimeout = 2 * time.Second, 20 * time.Second
)

// NewClient makes a client that connects on first use. Close it. The fault is the operator's.
func NewClient(config Config, logger *slog.Logger) (client.Client, error) {
	options := config.sdk(logger)
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonTemporalSettings, err,
			"no client for Temporal at %s (TEMPORAL_ADDRESS)", options.HostPort)
	}
	return c, nil
}

// sdk are the options of the SDK's client; cmd/everleaf/docs/temporal-worker.md explains each, and those that are left
// alone.
func (c Config) sdk(logger *slog.Logger) client.Options {
	options := c.Client
	options.Logger = sdklog.NewStructuredLogger(slog.New(withoutStops{logger.Handler()}))
	// Our payloads are small: gzip would cost more processor time than it saves on the wire.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	// A connection that leads nowhere any more is found within 25 s: the SDK's own 30 s and 15 s are slower. Servers
	// refuse pings that come more often than every 10 s.
	options.ConnectionOptions.KeepAliveTime = keepAliveTime
	options.ConnectionOptions.KeepAliveTimeout = keepAliveTimeout
	// The SDK tries every 10 s, and its polls wait as long once more: after an outage the two add up.
	reconnect := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: connectTimeout}
	reconnect.Backoff.BaseDelay, reconnect.Backoff.MaxDelay = probePause, reconnectPause
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions,
		grpc.WithConnectParams(reconnect), grpc.WithChainUnaryInterceptor(printable))
	return options
}

// WaitReachable waits until the server answers and has the namespace, until ctx ends at the latest; so give it a
// deadline. Credentials that are refused end the wait at once, since they do not come right by themselves. A namespace
// that is missing is asked for again: a new cluster's setup makes it after the server is up. Faults: Wait
// "TemporalUnreachable"; Operator "UnknownNamespace" and "TemporalRefused". A caller's cancellation is passed on as it
// is. It logs once that it waits.
func WaitReachable(ctx context.Context, c client.Client, config Config, logger *slog.Logger) error {
	var said error
	for tries := 0; ; tries++ {
		deadline, bounded := ctx.Deadline()
		cutOff := bounded && time.Until(deadline) < connection.ProbeTimeout
		err := connection.Probe(ctx, c, config.Target())
		if said != nil && cutOff && domain.AsFault(err).Reason == domain.ReasonTemporalUnreachable {
			err = said // the look did not get its time: what was seen before counts
		}
		said = err
		if err == nil || domain.AsFault(err).Reason == domain.ReasonTemporalRefused {
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
