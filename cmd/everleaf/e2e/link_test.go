package e2e

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// link is the only way from a worker to a server: a TCP relay that the test can spoil as a mesh does. It is our own
// because the library for it, toxiproxy, links sixteen modules into these tests and has no fault that leaves
// connections standing and dead for ever, the nastiest of them.
type link struct {
	Address  string
	upstream string
	listener net.Listener
	delay    atomic.Int64 // of each direction, in nanoseconds

	mu    sync.Mutex
	mode  linkMode
	wires map[*wire]struct{}
}

type linkMode int

const (
	linkOpen linkMode = iota
	// linkCut resets what is established and what is tried again, as a sidecar does whose upstream is gone: it accepts,
	// and then resets.
	linkCut
	// linkBlackhole accepts everything and delivers nothing. A connection that was touched by it stays dead for ever,
	// also when the link is open again, and neither end hears of the other's closing: a lost NAT entry.
	linkBlackhole
)

// newLink starts a relay to upstream (host:port).
func newLink(t testing.TB, upstream string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &link{Address: listener.Addr().String(), upstream: upstream, listener: listener, wires: map[*wire]struct{}{}}
	t.Cleanup(func() { _ = listener.Close(); l.set(linkCut) })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(near)
		}
	}()
	return l
}

// set changes the mode, for what is established and for what comes.
func (l *link) set(mode linkMode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode = mode
	for w := range l.wires {
		switch mode {
		case linkCut:
			w.reset()
		case linkBlackhole:
			w.lost.Store(true)
		}
	}
}

// reset resets what is established; new connections are welcome.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.wires {
		w.reset()
	}
}

// slow makes every round trip take this much longer.
func (l *link) slow(roundTrip time.Duration) { l.delay.Store(int64(roundTrip / 2)) }

// wire is one connection through a link: the worker's end and the server's.
type wire struct {
	ends [2]net.Conn
	lost atomic.Bool
}

// reset ends both with RST, so that nobody takes it for a polite end.
func (w *wire) reset() {
	for _, end := range w.ends {
		_ = end.(*net.TCPConn).SetLinger(0)
		_ = end.Close()
	}
}

func (l *link) carry(near net.Conn) {
	far, err := net.Dial("tcp", l.upstream)
	if err != nil {
		_ = near.Close()
		return
	}
	w := &wire{ends: [2]net.Conn{near, far}}
	l.mu.Lock()
	l.wires[w] = struct{}{}
	mode := l.mode
	w.lost.Store(mode == linkBlackhole)
	l.mu.Unlock()
	if mode == linkCut {
		w.reset()
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { l.pump(w, far, near) })
	pumps.Go(func() { l.pump(w, near, far) })
	pumps.Wait()
	if !w.lost.Load() { // else it lies there, unknown to both, until the test ends
		l.mu.Lock()
		delete(l.wires, w)
		l.mu.Unlock()
	}
}

// chunk is what is on its way.
type chunk struct {
	due   time.Time
	bytes []byte
}

// pump carries one direction. A delay delays everything alike and does not narrow the way.
func (l *link) pump(w *wire, to, from net.Conn) {
	under := make(chan chunk, 1024)
	go func() {
		defer close(under)
		for {
			bytes := make([]byte, 16<<10)
			n, err := from.Read(bytes)
			if err != nil {
				return
			}
			under <- chunk{time.Now().Add(time.Duration(l.delay.Load())), bytes[:n]}
		}
	}()
	for c := range under {
		time.Sleep(time.Until(c.due))
		if !w.lost.Load() {
			_, _ = to.Write(c.bytes)
		}
	}
	if !w.lost.Load() {
		_ = to.Close()
		_ = from.Close()
	}
}

// links are a worker's ways to its servers; the test's own client, pool and command lines do not use them.
type links struct{ temporal, postgres *link }

// behindLinks starts a worker that reaches Temporal and Postgres only by links.
func (s *stack) behindLinks() (*process, links) {
	s.t.Helper()
	address, err := url.Parse(s.setting("EVERLEAF_POSTGRES_URL"))
	require.NoError(s.t, err)
	l := links{temporal: newLink(s.t, s.setting("TEMPORAL_ADDRESS")), postgres: newLink(s.t, address.Host)}
	address.Host = l.postgres.Address
	direct := s.env
	defer func() { s.env = direct }()
	s.set("TEMPORAL_ADDRESS", l.temporal.Address)
	s.set("EVERLEAF_POSTGRES_URL", address.String())
	return s.worker(), l
}

func (l links) each(act func(*link)) {
	act(l.temporal)
	act(l.postgres)
}
