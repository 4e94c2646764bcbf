package e2e

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/servertest"
)

// What docs/operating.md says of trying dns-01 on one machine: the servers alone, the settings that they print, a
// worker, a wildcard.
func TestLocalTryOfDNS01(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	up := exec.CommandContext(ctx, servertest.Setting(t, "EVERLEAF_TEST_DEVSTACK"), "up", "--dns")
	settings, err := up.StdoutPipe()
	require.NoError(t, err)
	said, err := up.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, up.Start())
	defer func() {
		require.NoError(t, up.Process.Signal(os.Interrupt))
		_ = up.Wait()
	}()
	story := &strings.Builder{}
	for lines := bufio.NewScanner(said); !strings.Contains(story.String(),
		"Ready."); story.WriteString(lines.Text() + "\n") {
		require.True(t, lines.Scan(), "the stack ended: %s", story)
	}
	env := outside()
	for lines := bufio.NewScanner(settings); lines.Scan(); {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		env = append(env, name+"="+strings.Trim(value, "'"))
		if name == "EVERLEAF_HTTP01_CHECK_RESOLVER" {
			break // the last one
		}
	}
	everleaf := func(arguments ...string) *exec.Cmd {
		command := exec.CommandContext(ctx, binary, arguments...)
		command.Env = env
		return command
	}
	out, err := everleaf("migrate").CombinedOutput()
	require.NoError(t, err, "%s", out)
	log := &syncBuffer{}
	worker := everleaf("worker")
	worker.Stdout, worker.Stderr = log, log
	require.NoError(t, worker.Start())
	defer func() {
		require.NoError(t, worker.Process.Signal(os.Interrupt))
		require.NoError(t, worker.Wait(), "%s", log)
	}()
	for _, names := range [][]string{
		{"--challenge", "dns-01", "--name", "shop.acme.test", "--name", "*.shop.acme.test"},
		{"--challenge", "dns-01", "--name", "customer.test"},
		{"--name", "www.shop.test"},
	} {
		out, err := everleaf(append([]string{"cert", "ensure", "try", "--replace", "--timeout", "1m"},
			names...)...).CombinedOutput()
		require.NoError(t, err, "%s%s", out, log)
		require.NotContains(t, string(out), "warning")
	}
}
