package listener

import (
	"context"
	"time"
)

// arrival is how long a connection may take from the first packet to the last of its opening: a round trip around the
// world.
const arrival = 250 * time.Millisecond

// Stop ends the listener without cutting an answer off. It takes a quarter of a second, and the time of ctx at most:
// what is unanswered then is cut off, and the error says so. Without a Start, or repeated, it does nothing.
//
// http.Server.Shutdown alone cuts off twice. It closes the socket at once, and the kernel resets the connections that
// it has opened and the server has not accepted yet. And a connection whose request the server has not read yet is
// closed without an answer. So the kernel first stops opening connections; those that it is opening arrive and are
// accepted; then the socket is closed, and the server goes when all connections have had their answer. A client that
// comes meanwhile hears nothing: its kernel repeats the first packet a second later, and finds the address closed, or
// open again where another process has taken it over.
func (l *Listener) Stop(ctx context.Context) error {
	bound := l.bound.Load()
	if bound == nil {
		return nil
	}
	if ignoreOpenings(bound) == nil {
		arrived := time.NewTimer(arrival)
		defer arrived.Stop()
		select {
		case <-arrived.C:
		case <-ctx.Done():
		}
	}
	_ = bound.Close() // repeated, an error
	answered := make(chan struct{})
	go func() { defer close(answered); l.open.Wait() }()
	var cut error
	select {
	case <-answered:
	case <-ctx.Done():
		cut = ctx.Err()
	}
	_ = l.server.Close() // of the socket, which is closed, and of what is left
	return cut
}
