package targettest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/internal/suitetest"
	"everleaf/domain"
	"everleaf/ports"
)

// first is a number as Postgres gives them.
const first int64 = 1_800_000_000_000_001

// Subject is a target under test, with nothing at it yet.
type Subject struct {
	Target ports.Target
	// Holds returns what is there of a certificate, both empty if it is not there. It is nil for a target that has
	// nothing of its own to look at.
	Holds func(t testing.TB, certificate string) (chainPEM, keyPEM string)
	// Keyless reports whether the target gets no private key.
	Keyless bool
	// Failing is one more target of the kind, whose other side refuses everything and repeats all that it was given. It
	// is nil where there is no other side.
	Failing ports.Target
	// Silent is one more target of the kind, whose other side never answers; nil where there is no other side.
	Silent ports.Target
}

// Run runs the suite; make is called for each of its tests.
func Run(t *testing.T, make func(t *testing.T) Subject) {
	suitetest.Run(t, make, map[string]func(*testing.T, Subject){
		"a repeat changes nothing":                    repeats,
		"a newer version takes the older one's place": replaces,
		"a late try undoes nothing":                   outlasts,
		"a removal takes one certificate away":        removes,
		"of tries at once the newest wins":            races,
		"an error is a fault without the key":         conceals,
		"the end of the context ends it":              honours,
	})
}

func repeats(t *testing.T, s Subject) {
	b := Bundle(t, "shop", first)
	for range 2 {
		s.deliver(t, b)
		s.holds(t, b)
	}
	again := b
	again.Sequence += 2
	s.deliver(t, again)
	s.holds(t, b)
}

func replaces(t *testing.T, s Subject) {
	s.deliver(t, Bundle(t, "shop", first))
	newer := Bundle(t, "shop", first+1)
	s.deliver(t, newer)
	s.holds(t, newer)
}

// A target refuses a late try, or its receiver ignores it; what is there stays in either case.
func outlasts(t *testing.T, s Subject) {
	older, newer := Bundle(t, "shop", first), Bundle(t, "shop", first+2)
	s.deliver(t, older)
	s.deliver(t, newer)
	_, err := s.Target.Deliver(t.Context(), older)
	requireLate(t, err)
	s.holds(t, newer, "sequence %d came after %d: it must change nothing", first, first+2)
	requireLate(t, s.Target.Remove(t.Context(), removal("shop", first+1)))
	s.holds(t, newer, "sequence %d came after %d: it must change nothing", first+1, first+2)
}

func removes(t *testing.T, s Subject) {
	require.NoError(t, s.Target.Remove(t.Context(), removal("shop", first)), "it was never there")
	shop, blog := Bundle(t, "shop", first+1), Bundle(t, "blog", first+1)
	s.deliver(t, shop)
	s.deliver(t, blog)
	s.holds(t, shop)
	for range 2 {
		require.NoError(t, s.Target.Remove(t.Context(), removal("shop", first+2)))
		s.lacks(t, "shop")
		s.holds(t, blog)
	}
	again := Bundle(t, "shop", first+3)
	s.deliver(t, again)
	s.holds(t, again)
}

func races(t *testing.T, s Subject) {
	const tries = 4
	var bundles []ports.Bundle
	for i := range tries {
		bundles = append(bundles, Bundle(t, "shop", first+int64(i)))
	}
	errs := suitetest.AtOnce(tries, func(i int) error {
		_, err := s.Target.Deliver(t.Context(), bundles[i])
		return err
	})
	for _, err := range errs[:tries-1] {
		requireLate(t, err)
	}
	require.NoError(t, errs[tries-1])
	s.holds(t, bundles[tries-1])
}

func conceals(t *testing.T, s Subject) {
	_, err := s.Target.Deliver(t.Context(), ports.Bundle{Certificate: "../shop", Sequence: first})
	if err != nil { // a name that no certificate has may be refused
		require.NotEmpty(t, domain.AsFault(err).Kind)
	}
	if s.Failing == nil {
		return
	}
	b := Bundle(t, "shop", first)
	_, err = s.Failing.Deliver(t.Context(), b)
	suitetest.RequireFault(t, err, "Wait TargetUnavailable", "Operator TargetRefused")
	shown := fmt.Sprintf("%v %+v %#v", err, err, err)
	require.NotContains(t, shown, "PRIVATE KEY")
	for line := range strings.Lines(string(b.KeyPEM)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
			require.NotContains(t, shown, line[:min(len(line), 16)])
		}
	}
}

// A worker that stops, or a step that has run out of time, waits for nobody, and changes nothing more. The error says
// that it was the context's end, or the try would count as the target's failure.
func honours(t *testing.T, s Subject) {
	ended, end := context.WithCancel(t.Context())
	end()
	b := Bundle(t, "shop", first)
	_, err := s.Target.Deliver(ended, b)
	require.ErrorIs(t, err, context.Canceled)
	s.lacks(t, "shop")
	s.deliver(t, b)
	require.ErrorIs(t, s.Target.Remove(ended, removal("shop", first+1)), context.Canceled)
	s.holds(t, b)
	if s.Silent == nil {
		return
	}
	blog := Bundle(t, "blog", first)
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := s.Silent.Deliver(ctx, blog); return err },
		func(ctx context.Context) error { return s.Silent.Remove(ctx, removal("blog", first+1)) },
	} {
		short, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
		returned := make(chan error, 1)
		go func() { returned <- do(short) }()
		select {
		case err := <-returned:
			require.ErrorIs(t, err, context.DeadlineExceeded)
		case <-time.After(20 * time.Second):
			require.Fail(t, "it goes on after its context has ended")
		}
		end()
	}
}

func (s Subject) deliver(t *testing.T, b ports.Bundle) {
	t.Helper()
	confirmation, err := s.Target.Deliver(t.Context(), b)
	require.NoError(t, err)
	require.NotEmpty(t, confirmation)
}

// holds requires that the bundle is there, and that a look finds it.
func (s Subject) holds(t *testing.T, b ports.Bundle, why ...any) {
	t.Helper()
	drift, err := s.Target.Drift(t.Context(), b)
	require.NoError(t, err)
	require.Empty(t, drift, why...)
	if s.Holds == nil {
		return
	}
	chain, key := s.Holds(t, b.Certificate)
	require.Equal(t, strings.TrimSpace(string(b.ChainPEM)), strings.TrimSpace(chain), why...)
	want := strings.TrimSpace(string(b.KeyPEM))
	if s.Keyless {
		want = ""
	}
	require.True(t, want == strings.TrimSpace(key), "the key is the chain's, or none where none is wanted")
}

func (s Subject) lacks(t *testing.T, certificate string) {
	t.Helper()
	if s.Holds == nil {
		return
	}
	chain, key := s.Holds(t, certificate)
	require.Empty(t, chain)
	require.Empty(t, key)
}

// requireLate takes no error, or the one for a try that something later has overtaken. That one is for good: the same
// try is not made again.
func requireLate(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		suitetest.RequireFault(t, err, "Wait VersionReplaced")
		require.True(t, domain.AsFault(err).Final, "%v is permanent", err)
	}
}

func removal(certificate string, sequence int64) ports.Removal {
	return ports.Removal{Certificate: certificate, Target: "place", Sequence: sequence}
}
