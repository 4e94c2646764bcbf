package caller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"everleaf/adapters/internal/connection"
	"everleaf/adapters/servertest"
	"everleaf/adapters/temporal"
	"everleaf/domain"
)

type server struct {
	client client.Client
	queue  string
	keeper *Client
}

// connect gives a client of the shared server and a task queue of the test's own.
func connect(t *testing.T) server {
	t.Helper()
	address := servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL")
	s := dial(t, client.Options{HostPort: address})
	_, err := temporal.RegisterSearchAttributes(t.Context(), s.client, temporal.Config{
		Client: client.Options{HostPort: address, Namespace: "default"},
	})
	require.NoError(t, err)
	return s
}

func dial(t *testing.T, options client.Options) server {
	t.Helper()
	options.Logger = sdklog.NewStructuredLogger(quiet())
	c, err := client.NewLazyClient(options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	queue := unique(t)
	return server{client: c, queue: queue, keeper: New(c, Options{
		TaskQueue: queue, Address: options.HostPort, Namespace: options.Namespace,
	})}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func unique(t *testing.T) string {
	t.Helper()
	return "test-" + uuid.NewString()
}

func bounded(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// requireFault checks the kind, the reason (if one is given) and that the message names the thing.
func requireFault(t *testing.T, err error, kind domain.FaultKind, reason, says string) {
	t.Helper()
	var fault *domain.Fault
	require.True(t, errors.As(err, &fault), "want a fault, got %v", err)
	require.Equal(t, kind, fault.Kind, fault.Error())
	if reason != "" {
		require.EqualValues(t, reason, fault.Reason)
	}
	require.Contains(t, fault.Error(), says)
}

func TestUnreachableIsBoundedAndNamesTheAddress(t *testing.T) {
	t.Parallel()
	for title, accept := range map[string]bool{"nobody listens": false, "nobody answers": true} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address := listener.Addr().String()
			if accept {
				t.Cleanup(func() { _ = listener.Close() })
			} else {
				require.NoError(t, listener.Close())
			}
			keeper, ctx := dial(t, client.Options{HostPort: address, Namespace: "default"}).keeper, context.Background()
			for number, call := range []func() error{
				func() error {
					_, err := keeper.Ensure(ctx, "a", Spec{Names: []string{"www.example.com"}})
					return err
				},
				func() error { _, err := keeper.Renew(ctx, "a", RenewRequest{}); return err },
				func() error {
					_, err := keeper.Revoke(ctx, "a",
						RevokeRequest{Reason: RevokedSuperseded})
					return err
				},
				func() error { _, err := keeper.Status(ctx, "a"); return err },
				func() error { return keeper.Start(ctx, "a", Spec{Names: []string{"www.example.com"}}) },
			} {
				t.Run(fmt.Sprint(number), func(t *testing.T) {
					t.Parallel()
					began := time.Now()
					err := call()
					requireFault(t, err, domain.FaultWait, "TemporalUnreachable", address)
					require.Contains(t, err.Error(), "TEMPORAL_ADDRESS")
					require.Less(t, time.Since(began), queryTimeout+2*connection.ProbeTimeout)
				})
			}
		})
	}
}

func TestUnknownNamespaceIsTheOperators(t *testing.T) {
	t.Parallel()
	keeper := dial(t, client.Options{HostPort: servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"),
		Namespace: "nowhere"}).keeper
	_, err := keeper.Ensure(bounded(t, time.Minute), "a", Spec{Names: []string{"www.example.com"}})
	requireFault(t, err, domain.FaultOperator, "UnknownNamespace", `no namespace "nowhere"`)
	_, err = keeper.Status(bounded(t, time.Minute), "a")
	requireFault(t, err, domain.FaultOperator, "UnknownNamespace", `no namespace "nowhere"`)
}
