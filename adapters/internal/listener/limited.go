package listener

import (
	"container/list"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxOpen bounds the connections at once. Each has one request, so it bounds those as well.
	maxOpen = 4096
	// maxOpenByOne bounds those of one client address, which may be a load balancer's with all the others behind it.
	maxOpenByOne = 2048
	// closedInterval is how often the log says that connections are closed for others.
	closedInterval = 10 * time.Second
)

// limited bounds the open connections. Beyond a limit a new one takes the place of the one that has waited longest
// without a request: who asks at once is served, also by a load balancer that a flood comes through as well.
type limited struct {
	net.Listener
	name   string
	logger *slog.Logger

	mu      sync.Mutex
	open    int
	clients map[netip.Addr]*client
	waiting list.List // of *counted, the oldest first
	closed  int
	said    time.Time
}

// client is who opened connections.
type client struct {
	address netip.Addr
	open    int
	waiting list.List
}

// counted is an open connection. Until its request is there, it is in both lists.
type counted struct {
	net.Conn
	of               *limited
	client           *client
	inAll, inClients *list.Element
	gone             bool
}

func newLimited(inner net.Listener, name string, logger *slog.Logger) *limited {
	return &limited{Listener: inner, name: name, logger: logger, clients: map[netip.Addr]*client{}}
}

// Accept returns the next connection for which there is room.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		entered, closed := l.enter(conn)
		if closed != nil {
			_ = closed.Close() // nobody has used it
		}
		if entered != nil {
			return entered, nil
		}
	}
}

// enter counts a connection. closed is the one that has to go for it, perhaps itself: then entered is nil.
func (l *limited) enter(conn net.Conn) (entered *counted, closed net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	address := clientOf(conn)
	from := l.clients[address]
	if from == nil {
		from = &client{address: address}
	}
	var among *list.List
	switch {
	case from.open >= maxOpenByOne:
		among = &from.waiting
	case l.open >= maxOpen:
		among = &l.waiting
	}
	if among != nil {
		l.says(from)
		oldest := among.Front()
		if oldest == nil { // all of them are being served
			return nil, conn
		}
		victim := oldest.Value.(*counted)
		l.leave(victim)
		closed = victim.Conn
	}
	l.clients[address] = from
	l.open++
	from.open++
	entered = &counted{Conn: conn, of: l, client: from}
	entered.inAll, entered.inClients = l.waiting.PushBack(entered), from.waiting.PushBack(entered)
	return entered, closed
}

// says is for the log, once in a while.
func (l *limited) says(from *client) {
	l.closed++
	if time.Since(l.said) < closedInterval {
		return
	}
	l.logger.Warn("too many connections: those that have waited longest without a request are closed for new ones",
		"listener", l.name, "open", l.open, "limit", maxOpen, "client", from.address.String(), "ofClient", from.open,
		"limitOfClient", maxOpenByOne, "closed", l.closed)
	l.said, l.closed = time.Now(), 0
}

// served takes a connection whose request is there out of those that wait.
func (l *limited) served(c *counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopWaiting(c)
}

func (l *limited) stopWaiting(c *counted) {
	if c.inAll != nil {
		l.waiting.Remove(c.inAll)
		c.client.waiting.Remove(c.inClients)
		c.inAll, c.inClients = nil, nil
	}
}

func (l *limited) leave(c *counted) {
	if c.gone {
		return
	}
	c.gone = true
	l.stopWaiting(c)
	l.open--
	if c.client.open--; c.client.open == 0 {
		delete(l.clients, c.client.address)
	}
}

// Close counts it out, once.
func (c *counted) Close() error {
	c.of.mu.Lock()
	c.of.leave(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

type countedKey struct{}

// knowing puts the connection into the context of its request.
func knowing(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return context.WithValue(ctx, countedKey{}, conn)
}

// serving is the handler, after a connection has its request.
func serving(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if c, ok := request.Context().Value(countedKey{}).(*counted); ok {
			c.of.served(c)
		}
		handler.ServeHTTP(w, request)
	})
}

// clientOf is the client's address; of IPv6 the network, for a host has all of it to choose from.
func clientOf(conn net.Conn) netip.Addr {
	from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	address := from.Addr().WithZone("").Unmap()
	if address.Is6() {
		const network = 64
		prefix, _ := address.Prefix(network) // fits
		return prefix.Addr()
	}
	return address
}
