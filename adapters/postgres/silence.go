package postgres

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// silenceLimit is how long the server may say nothing while an answer is awaited. Every statement of ours takes
// milliseconds, so what is silent for longer is a connection that leads nowhere any more: the address translation
// or the sidecar on the way has forgotten it and informed neither end. TCP's own keepalive does not see that where a
// sidecar on this host acknowledges everything, and a step's context may allow ten minutes.
const silenceLimit = 10 * time.Second

// listening makes connections that end when the server is silent for too long; gone is called once for each.
func listening(dial pgconn.DialFunc, gone func()) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &listener{Conn: c, gone: sync.OnceFunc(gone)}, nil
	}
}

// listener is a connection whose reads are bounded. pgx reads only while it awaits an answer.
type listener struct {
	net.Conn
	gone func()

	mu       sync.Mutex
	deadline time.Time // pgx's own, from a context that has ended
}

// SetDeadline is what pgx sets when a context ends. It stands above the limit.
func (l *listener) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = t
	return l.Conn.SetDeadline(t)
}

func (l *listener) Read(p []byte) (int, error) {
	l.mu.Lock()
	limit := time.Now().Add(silenceLimit)
	ours := l.deadline.IsZero() || limit.Before(l.deadline)
	if !ours {
		limit = l.deadline
	}
	err := l.SetReadDeadline(limit)
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(p)
	if ours && errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(limit) {
		l.gone()
		return n, silent{}
	}
	return n, err
}

// silent is a net.Error.
type silent struct{}

func (silent) Error() string   { return "no answer for " + silenceLimit.String() }
func (silent) Timeout() bool   { return true }
func (silent) Temporary() bool { return false }
