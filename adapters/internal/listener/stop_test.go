package listener_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/internal/listener"
)

// outcomes are what clients saw of their requests.
type outcomes struct {
	answered, late, refused, cut atomic.Int64 // late: answered after Stop began
	how                          sync.Map
}

// ask makes one request on its own connection, as a CA does, and reports whether it connected.
func (o *outcomes) ask(ctx context.Context, address string, stopping *atomic.Bool) bool {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		o.refused.Add(1)
		return false
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n")
	answer, readErr := io.ReadAll(connection)
	switch {
	case err == nil && readErr == nil && bytes.HasPrefix(answer, []byte("HTTP/1.1 200 OK\r\n")) &&
		bytes.Contains(answer, []byte("\r\nConnection: close\r\n")) && bytes.HasSuffix(answer, []byte("\r\n\r\nyes")):
		o.answered.Add(1)
		if stopping.Load() {
			o.late.Add(1)
		}
	default:
		o.cut.Add(1)
		o.how.Store(errors.Join(err, readErr, errors.New(string(answer))).Error(), true)
	}
	return true
}

func yes() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "yes") })
}

// Clients that ask without a pause are answered or do not get to connect, through 200 stops: none is cut off.
func TestStopCutsNoAnswer(t *testing.T) {
	t.Parallel()
	const stops, atOnce, clients = 200, 10, 3
	var seen outcomes
	next := make(chan int, stops)
	for i := range stops {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for range next {
				stopUnder(t, &seen, clients)
			}
		})
	}
	all.Wait()
	seen.how.Range(func(how, _ any) bool { t.Log("cut:", how); return true })
	t.Logf("%d stops: %d answered, %d of them after the stop began, %d not connected, %d cut off", stops,
		seen.answered.Load(), seen.late.Load(), seen.refused.Load(), seen.cut.Load())
	require.Zero(t, seen.cut.Load())
	require.GreaterOrEqual(t, seen.answered.Load(), int64(10*stops*clients))
	require.Greater(t, seen.late.Load(), int64(stops/2), "the socket goes on being served while the stop waits")
	require.EqualValues(t, stops*clients, seen.refused.Load(), "each client went on until it was turned away")
}

// stopUnder stops a listener while clients ask.
func stopUnder(t *testing.T, seen *outcomes, clients int) {
	l := listener.New(listener.Config{Listen: "127.0.0.1:0", WriteTimeout: time.Second}, yes(),
		slog.New(slog.DiscardHandler))
	if err := l.Start(t.Context()); err != nil {
		t.Error(err)
		return
	}
	asking, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var stopping atomic.Bool
	var busy, warm sync.WaitGroup
	warm.Add(clients)
	for range clients {
		busy.Go(func() {
			for i := 0; seen.ask(asking, l.Addr(), &stopping); i++ {
				if i == 10 {
					warm.Done()
				}
			}
		})
	}
	warm.Wait()
	stopping.Store(true)
	stop, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Stop(stop); err != nil {
		t.Error(err)
	}
	giveUp() // a kernel repeats its first packet a second later: that is not waited for
	busy.Wait()
	if _, err := net.Dial("tcp", l.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("not refused: %v", err)
	}
}

// A client that has connected is waited for, however slow it is with its request, until the stop's time is over.
func TestStopWaitsForARequestOnItsWay(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{10 * time.Second, 10 * time.Millisecond} {
		l := listener.New(listener.Config{Listen: "127.0.0.1:0", WriteTimeout: time.Second}, yes(),
			slog.New(slog.DiscardHandler))
		require.NoError(t, l.Stop(t.Context()), "before Start")
		require.NoError(t, l.Start(t.Context()))
		connection, err := net.Dial("tcp", l.Addr())
		require.NoError(t, err)
		t.Cleanup(func() { _ = connection.Close() })
		stop, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- l.Stop(stop) }()
		require.Eventually(t, func() bool {
			late, err := net.Dial("tcp", l.Addr()) // it is over when the kernel repeats its first packet
			if err == nil {
				_ = late.Close()
			}
			return errors.Is(err, syscall.ECONNREFUSED)
		}, 10*time.Second, time.Millisecond)
		if timeout < time.Second {
			require.ErrorIs(t, <-stopped, context.DeadlineExceeded)
			_, err = connection.Read(make([]byte, 1))
			require.Error(t, err, "cut off")
			continue
		}
		_, err = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, err)
		answer, err := io.ReadAll(connection)
		require.NoError(t, err)
		require.Contains(t, string(answer), "yes")
		require.NoError(t, <-stopped)
		require.NoError(t, l.Stop(t.Context()), "repeated")
	}
}
