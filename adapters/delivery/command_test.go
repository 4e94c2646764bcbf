package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestACommandsFailureIsReported(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	for _, c := range []struct {
		name         string
		args         []string
		kind         domain.FaultKind
		reason, says string
	}{
		{"exit code", []string{"sh", "-c", "for i in 1 2 3 4 5 6 7; do echo line $i; done; echo no such host >&2; exit 3"},
			domain.FaultWait, "TargetUnavailable", "the command sh failed (exit status 3): line 4"},
		{"silent", []string{"false"}, domain.FaultWait, "TargetUnavailable",
			"the command false failed (exit status 1)"},
		{"too slow", []string{"sh", "-c", "echo waiting; sleep 60"}, domain.FaultWait, "TargetUnavailable",
			"did not end within 300ms: waiting"},
		{"not installed", []string{"everleaf-has-no-such-program", "-s"}, domain.FaultOperator, "TargetRefused",
			"install it on this host"},
		{"not executable", []string{"/etc/passwd"}, domain.FaultOperator, "TargetRefused", "the command passwd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := command{args: c.args, timeout: 300 * time.Millisecond}.run(t.Context(), "shop", "/etc/shop",
				b.KeyPEM)
			fault := requireFault(t, err, c.kind, c.reason)
			require.Contains(t, fault.Error(), c.says)
			require.NotContains(t, fault.Error(), "line 3", "only the last lines")
		})
	}
}

func TestACommandThatSpillsTheKeyIsNotQuoted(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	body := strings.Split(string(b.KeyPEM), "\n")[2]
	for _, spill := range []string{string(b.KeyPEM), body, body[5:40],
		strings.Join(strings.Split(body[:40], ""), " ")} {
		err := command{args: []string{"sh", "-c", `echo "$1"; exit 1`, "sh", spill},
			timeout: time.Minute}.run(t.Context(), "shop", "/", b.KeyPEM)
		require.Contains(t, err.Error(), "holds the private key")
		require.NotContains(t, err.Error(), body[5:20])
	}
}

func TestACommandSeesNoSecretOfThisProcess(t *testing.T) {
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://u:pass-word@db")
	err := command{args: []string{"sh", "-c", "env; exit 1"}, timeout: time.Minute}.run(t.Context(), "shop", "/", nil)
	require.ErrorContains(t, err, "PATH=")
	require.NotContains(t, err.Error(), "pass-word")
}
