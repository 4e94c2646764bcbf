package dns01

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Nobody waits for a zone that was silent, for a minute; whatever it says ends that, and so does time.
func TestBreaker(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	silent := unavailableFault(errors.New("no answer in time"), "at ns1").WithRetryAfter(7 * time.Second)
	var b breaker
	require.NoError(t, b.check("a.test", now))
	b.record("a.test", fmt.Errorf("remove: %w", silent), now)
	require.NoError(t, b.check("b.test", now), "another zone")
	require.Equal(t, silent, b.check("a.test", now.Add(breakFor-1)), "the same fault")
	require.NoError(t, b.check("a.test", now.Add(breakFor)))

	b.record("a.test", context.Canceled, now)
	require.Error(t, b.check("a.test", now), "the caller's giving up says nothing")
	for _, spoken := range []error{nil, refusedFault(nil, "no")} {
		b.record("a.test", silent, now)
		b.record("a.test", spoken, now)
		require.NoError(t, b.check("a.test", now))
	}

	b.record("a.test", fmt.Errorf("remove: %w", context.DeadlineExceeded), now)
	fault := domain.AsFault(b.check("a.test", now))
	require.Equal(t, domain.FaultWait, fault.Kind)
	require.EqualValues(t, "DNSUnavailable", fault.Reason)
	require.Contains(t, fault.Message, "zone a.test")
}
