package program

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// alive reports whether the process that wrote its ID there still runs. One that was killed may be a zombie for a
// moment.
func alive(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(text)) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestNothingThatItHasStartedStays(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "child")
	const child = `sleep 600 >/dev/null 2>&1 & echo $! > "$1"; `
	gone := func() {
		require.Eventually(t, func() bool { return !alive(t, file) }, 30*time.Second, 10*time.Millisecond)
	}

	require.NoError(t, sh(child+"exit 0", file).Run(t.Context()))
	gone()
	failed(t, sh(child+"exit 1", file))
	gone()
	late := sh(child+"sleep 600", file)
	late.Timeout = time.Second
	f := failed(t, late)
	require.ErrorContains(t, f, "did not end within 1s")
	require.True(t, f.Passes())
	gone()

	daemon := sh(child+"exit 0", file)
	daemon.Outlived = true
	require.NoError(t, daemon.Run(t.Context()))
	require.True(t, alive(t, file))
	id, err := strconv.Atoi(strings.TrimSpace(read(t, file)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(id, syscall.SIGKILL))
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}
