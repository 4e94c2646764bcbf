package temporal

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// printable leaves out headers that gRPC refuses. The SDK puts a workflow's ID into one, and who starts a workflow
// may give it any text: without this, no task of such a workflow could be answered, not even with a refusal.
func printable(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
	call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	headers, _ := metadata.FromOutgoingContext(ctx)
	kept := metadata.MD{}
	for key, values := range headers {
		if strings.HasSuffix(key, "-bin") || !slices.ContainsFunc(values, isUnprintable) {
			kept[key] = values
		}
	}
	if len(kept) < len(headers) {
		ctx = metadata.NewOutgoingContext(ctx, kept)
	}
	return call(ctx, method, request, reply, connection, options...)
}

// isUnprintable reports whether gRPC refuses the value of a header.
func isUnprintable(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}
