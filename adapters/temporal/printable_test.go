package temporal

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

func TestHeadersThatGRPCRefusesAreLeftOut(t *testing.T) {
	for value, kept := range map[string]bool{"workflow:certificate/shop": true, "": true, "~ ": true, "nul\x00": false,
		"new\nline": false, "ümlaut": false} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "temporal-resource-id", value, "other", "stays", "octets-bin",
			"\x00")
		var sent metadata.MD
		require.NoError(t, printable(ctx, "", nil, nil, nil, func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn,
			_ ...grpc.CallOption) error {
			sent, _ = metadata.FromOutgoingContext(ctx)
			return nil
		}))
		_, has := sent["temporal-resource-id"]
		require.Equal(t, kept, has, "%q", value)
		require.Equal(t, []string{"stays"}, sent["other"])
		require.Equal(t, []string{"\x00"}, sent["octets-bin"])
	}
}
