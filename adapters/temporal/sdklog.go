package temporal

import (
	"context"
	"fmt"
	"log/slog"
)

// What the SDK says of each poll that a worker's stop cuts short. It reads like a failure, and is none.
const (
	stopMessage = "Task processing failed with error"
	stopError   = "worker stopping"
)

// withoutStops leaves those lines out.
type withoutStops struct{ slog.Handler }

// Handle implements slog.Handler.
func (h withoutStops) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == stopMessage {
		stops := false
		record.Attrs(func(a slog.Attr) bool {
			stops = a.Key == "Error" && fmt.Sprint(a.Value.Any()) == stopError
			return !stops
		})
		if stops {
			return nil
		}
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h withoutStops) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutStops{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h withoutStops) WithGroup(name string) slog.Handler {
	return withoutStops{h.Handler.WithGroup(name)}
}
