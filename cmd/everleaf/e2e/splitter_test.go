package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// splitter is what a Service is in a cluster: one address in front of all replicas; those that do not listen are
// passed over.
type splitter struct {
	mu       sync.Mutex
	backends []string
	next     int
}

func newSplitter(t testing.TB, address string) *splitter {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := &splitter{}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(near)
		}
	}()
	return p
}

func (p *splitter) add(backend string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backends = append(p.backends, backend)
}

// carry lets the next replica that listens answer.
func (p *splitter) carry(near net.Conn) {
	defer near.Close()
	p.mu.Lock()
	backends := append(p.backends[p.next:len(p.backends):len(p.backends)], p.backends[:p.next]...)
	p.next = (p.next + 1) % max(1, len(p.backends))
	p.mu.Unlock()
	for _, backend := range backends {
		far, err := net.DialTimeout("tcp", backend, time.Second)
		if err != nil {
			continue
		}
		defer far.Close()
		go func() { _, _ = io.Copy(far, near); _ = far.(*net.TCPConn).CloseWrite() }()
		_, _ = io.Copy(near, far)
		return
	}
}
