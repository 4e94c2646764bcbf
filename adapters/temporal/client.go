package temporal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"everleaf/domain"
)

const (
	// probeTimeout bounds one look whether the server is there.
	probeTimeout = 5 * time.Second
	// probePause is the pause between looks.
	probePause = 250 * time.Millisecond
)

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
// deadline. Credentials that are refused end the wait at once, since they do not come right by themselves. Faults:
// Wait "TemporalUnreachable"; Operator "UnknownNamespace" and "TemporalRefused". A caller's cancellation is passed
// on as it is. It logs once that it waits.
func WaitReachable(ctx context.Context, c client.Client, config Config, logger *slog.Logger) error {
	for tries := 0; ; tries++ {
		err := probe(ctx, c, config)
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

// probe looks once. A namespace that is missing is asked for again by WaitReachable: a new cluster's setup makes it
// after the server is up.
func probe(ctx context.Context, c client.Client, config Config) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{
		Namespace: config.Client.Namespace,
	})
	return reached(err, config)
}

// reached interprets the error of a call that is about no certificate.
func reached(err error, config Config) error {
	var missing *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return unknownNamespace(config, err)
	case errors.As(err, &denied), unauthenticated(err):
		return refused(config, err)
	default:
		return unreachable(config, err)
	}
}
