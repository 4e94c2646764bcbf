package temporal

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStopIsNoFailure(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(withoutStops{slog.NewTextHandler(&out, nil)}).With("TaskQueue", "q")
	log.Info(stopMessage, "Error", errors.New(stopError))
	log.WithGroup("g").Info(stopMessage, "Error", stopError)
	require.Empty(t, out.String())
	log.Info(stopMessage, "Error", errors.New("another"))
	log.Warn("something else", "Error", errors.New(stopError))
	require.Equal(t, 2, strings.Count(out.String(), "TaskQueue=q"))
}
