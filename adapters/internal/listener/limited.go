package listener

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxOpen bounds the connections at once. Each has one request, so it bounds those as well.
	maxOpen = 4096
	// maxOpenByOne bounds those of one client address, which may be a load balancer's with all the others behind it.
	maxOpenByOne = 1024
	// refusedInterval is how often the log says that connections are refused.
	refusedInterval = 10 * time.Second
)

// limited closes connections beyond the limits at once: a connection that waits would cost as much as one that is
// served, and those that are open end within seconds.
type limited struct {
	net.Listener
	name   string
	logger *slog.Logger

	mu      sync.Mutex
	open    int
	by      map[netip.Addr]int
	refused int
	said    time.Time
}

func newLimited(inner net.Listener, name string, logger *slog.Logger) *limited {
	return &limited{Listener: inner, name: name, logger: logger, by: map[netip.Addr]int{}}
}

// Accept returns the next connection within the limits.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client := clientOf(conn)
		if l.enter(client) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { l.leave(client) })}, nil
		}
		_ = conn.Close() // it has not been used
	}
}

// enter reports whether there is room for one more.
func (l *limited) enter(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= maxOpen || l.by[client] >= maxOpenByOne {
		l.refused++
		if time.Since(l.said) >= refusedInterval {
			l.logger.Warn("too many connections: those beyond the limits are closed", "listener", l.name, "open", l.open,
				"limit", maxOpen, "client", client.String(), "ofClient", l.by[client], "limitOfClient", maxOpenByOne,
				"closed", l.refused)
			l.said, l.refused = time.Now(), 0
		}
		return false
	}
	l.open++
	l.by[client]++
	return true
}

func (l *limited) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.by[client]--; l.by[client] == 0 {
		delete(l.by, client)
	}
}

// counted leaves when it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
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
