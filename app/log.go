package app

import (
	"io"
	"log/slog"

	"go.uber.org/fx/fxevent"

	"everleaf/adapters/telemetry"
)

// NewLogger logs to w as configured. An unknown format is text.
func NewLogger(w io.Writer, config Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: config.Level}
	if config.Format == "json" {
		return slog.New(telemetry.NewLogHandler(slog.NewJSONHandler(w, options)))
	}
	return slog.New(telemetry.NewLogHandler(slog.NewTextHandler(w, options)))
}

// fxLogger shows the container's own events at debug level, errors too: what matters of them is returned by
// RunWorker and said once.
func fxLogger(logger *slog.Logger) fxevent.Logger {
	events := &fxevent.SlogLogger{Logger: logger}
	events.UseLogLevel(slog.LevelDebug)
	events.UseErrorLevel(slog.LevelDebug)
	return events
}
