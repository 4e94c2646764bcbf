package ops

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Many probers, each second, cost one look in the time that a look is fresh.
func TestLooksAreSharedAndKeptForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		p := newPanel([]Check{{Name: "slow", Run: func(context.Context) (string, error) {
			time.Sleep(time.Second)
			looks.Add(1)
			return "well", nil
		}}}, checkBound, checkFresh)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { require.Equal(t, []result{{"slow", true, "well"}}, p.results(t.Context())) })
		}
		all.Wait()
		require.EqualValues(t, 1, looks.Load(), "asked together")
		time.Sleep(checkFresh - time.Millisecond)
		p.results(t.Context())
		require.EqualValues(t, 1, looks.Load(), "fresh")
		time.Sleep(time.Millisecond)
		p.results(t.Context())
		require.EqualValues(t, 2, looks.Load(), "no longer fresh")
	})
}

// Each check is bounded alone, they run side by side, and one that hangs is never joined by a second of its kind.
func TestAHangingCheckHangsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		var hanging atomic.Int32
		deaf := func(context.Context) (string, error) {
			hanging.Add(1)
			<-free
			return "back", nil
		}
		patient := func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", errors.New("asked and\n\twaited")
		}
		well := func(context.Context) (string, error) { return "well", nil }
		p := newPanel([]Check{{Name: "deaf", Run: deaf}, {Name: "patient", Run: patient}, {Name: "good", Run: well}},
			checkBound, checkFresh)
		began := time.Now()
		require.Equal(t, []result{
			{"deaf", false, "no answer for 3s"}, {"patient", false, "asked and waited"}, {"good", true, "well"},
		}, p.results(t.Context()))
		require.Equal(t, checkBound+slack, time.Since(began))
		time.Sleep(checkFresh)
		require.Equal(t, "no answer for 7s", p.results(t.Context())[0].detail)
		require.EqualValues(t, 1, hanging.Load())
		close(free)
		time.Sleep(checkFresh)
		require.Equal(t, result{"deaf", true, "back"}, p.results(t.Context())[0])
	})
}

// A prober that goes away early neither waits nor spoils the look for the others.
func TestAnImpatientProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPanel([]Check{{Name: "slow", Run: func(ctx context.Context) (string, error) {
			time.Sleep(time.Second)
			return "well", ctx.Err()
		}}}, checkBound, checkFresh)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, []result{{"slow", false, "not looked at yet"}}, p.results(gone))
		require.Equal(t, []result{{"slow", true, "well"}}, p.results(t.Context()))
	})
}
