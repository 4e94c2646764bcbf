package program

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sh(script string, args ...string) Program {
	return Program{Args: append([]string{"sh", "-c", script, "sh"}, args...), Timeout: time.Minute}
}

func failed(t *testing.T, p Program) *Failure {
	t.Helper()
	failure, ok := errors.AsType[*Failure](p.Run(t.Context()))
	require.True(t, ok)
	return failure
}

func TestTheInputArrivesAndTheCodeSaysHowItWent(t *testing.T) {
	t.Parallel()
	p := sh(`read line; test "$line" = '{"action":"add"}'`)
	p.Input = []byte("{\"action\":\"add\"}\n")
	require.NoError(t, p.Run(t.Context()))
	unread := sh("exit 0")
	unread.Input = []byte(strings.Repeat("x", 1<<20))
	require.NoError(t, unread.Run(t.Context()), "a program need not read it")

	for code, passes := range map[int]bool{1: false, 2: false, 74: false, TryAgain: true, 255: false} {
		f := failed(t, sh("exit "+strconv.Itoa(code)))
		require.Equal(t, code, f.Code)
		require.Equal(t, passes, f.Passes(), code)
	}
	require.True(t, failed(t, sh("kill -9 $$")).Passes(), "somebody killed it")
	missing := failed(t, Program{Args: []string{"everleaf-has-no-such-program"}, Timeout: time.Minute})
	require.False(t, missing.Passes())
	require.ErrorContains(t, missing.Start, "executable file not found")
	require.True(t, (&Failure{Code: -1, Start: syscall.EAGAIN}).Passes())
}

func TestWhatItSaysIsBoundedAndClean(t *testing.T) {
	t.Setenv("EVERLEAF_TEST_TOKEN", "hush-hush-hush")
	p := sh(`i=0; while [ $i -lt 3000 ]; do echo "line $i" >&2; i=$((i+1)); done; echo lost; printf 'a\033[31mb %s\n' "$EVERLEAF_TEST_TOKEN" >&2; exit 1`)
	p.Env = []string{"EVERLEAF_TEST_TOKEN"}
	f := failed(t, p)
	require.LessOrEqual(t, len(f.Said), keptBytes)
	require.Equal(t, ": line 2996\nline 2997\nline 2998\nline 2999\na[31mb [secret]", p.Shown(f))
	long := sh(`head -c 100000 /dev/zero | tr '\0' x >&2; exit 1`)
	require.Len(t, long.Shown(failed(t, long)), shownBytes+len(": "))
	require.Empty(t, p.Shown(failed(t, sh("exit 1"))))
}

func TestItSeesWhatWasNamedAlone(t *testing.T) {
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://u:pass-word@db")
	t.Setenv("EVERLEAF_TEST_NAMED_HERE", "here")
	p := sh(`env >&2; exit 1`)
	p.Env = []string{"EVERLEAF_TEST_NAMED_HERE"}
	said := string(failed(t, p).Said)
	require.Contains(t, said, "PATH=")
	require.Contains(t, said, "EVERLEAF_TEST_NAMED_HERE=here")
	require.NotContains(t, said, "pass-word")

	p.Env = []string{"EVERLEAF_TEST_NOT_SET"}
	f := failed(t, p)
	require.ErrorIs(t, f, ErrNotSet)
	require.ErrorContains(t, f.Start, "EVERLEAF_TEST_NOT_SET")
	require.False(t, f.Passes())
}

func TestTheCallersEndIsTheCallers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, sh("sleep 600").Run(ctx), context.DeadlineExceeded)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sh("exit 0").Run(cancelled), context.Canceled)
}
