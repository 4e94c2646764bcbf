package acme

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// The circuit on its own, since only a clock of the test's can tell when a probe is due.
func TestCircuit(t *testing.T) {
	t.Parallel()
	silent := domain.NewFault(domain.FaultCA, domain.ReasonTimeout, nil, "no answer within 10s")
	refused := domain.NewFault(domain.FaultCA, domain.ReasonServerError, nil, "the CA answered HTTP 500")
	ours := domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, nil, "the database is away")
	left := fmt.Errorf("place an order: %w", context.Canceled)
	tried := 0
	call := func(ca *CA, answer error) domain.Reason {
		err := ca.through("place an order", func() error { tried++; return answer })
		if err == nil {
			return ""
		}
		return domain.AsFault(err).Reason
	}
	opened := func() *CA {
		ca := &CA{config: Config{Issuer: "main"}, circuit: newCircuit()}
		for n := 1; n <= unanswered; n++ {
			want := map[bool]domain.Reason{true: domain.ReasonNotAnswering,
				false: domain.ReasonTimeout}[n == unanswered]
			require.Equal(t, want, call(ca, silent), "time-out %d", n)
		}
		return ca
	}

	synctest.Test(t, func(t *testing.T) {
		ca := opened()
		tried = 0
		require.Equal(t, domain.ReasonNotAnswering, call(ca, nil))
		require.Zero(t, tried, "an open circuit lets no call through")

		time.Sleep(probeAfter + 1)
		probing, answer := make(chan struct{}), make(chan error)
		probe := make(chan error)
		go func() { probe <- ca.through("place an order", func() error { close(probing); return <-answer }) }()
		<-probing
		require.Equal(t, domain.ReasonNotAnswering, call(ca, nil), "one at a time probes")
		answer <- silent
		require.Equal(t, domain.ReasonNotAnswering, domain.AsFault(<-probe).Reason)
		require.Equal(t, domain.ReasonNotAnswering, call(ca, nil))

		time.Sleep(probeAfter + 1)
		require.Equal(t, domain.ReasonUnexpected, call(ca, left), "a probe whose caller left says nothing")
		require.Equal(t, domain.ReasonDatabaseUnavailable, call(ca, ours), "and the next one goes on")
		require.Equal(t, domain.ReasonServerError, call(ca, refused), "any answer closes it")
		require.Zero(t, call(ca, nil))
		require.Equal(t, domain.ReasonTimeout, call(ca, silent), "and the count starts again")
	})

	t.Run("time-outs count in a row", func(t *testing.T) {
		ca := &CA{circuit: newCircuit()}
		for range 3 {
			for n := 1; n < unanswered; n++ {
				require.Equal(t, domain.ReasonTimeout, call(ca, silent))
				require.Equal(t, domain.ReasonDatabaseUnavailable, call(ca, ours), "what is ours does not count")
			}
			require.Equal(t, domain.ReasonServerError, call(ca, refused))
		}
	})

	t.Run("calls at work when it opens find the same", func(t *testing.T) {
		ca := &CA{circuit: newCircuit()}
		begun, answer, late := make(chan struct{}), make(chan error), make(chan error)
		go func() { late <- ca.through("place an order", func() error { close(begun); return <-answer }) }()
		<-begun
		for range unanswered {
			call(ca, silent)
		}
		answer <- silent
		require.Equal(t, domain.ReasonNotAnswering, domain.AsFault(<-late).Reason)
	})
}
