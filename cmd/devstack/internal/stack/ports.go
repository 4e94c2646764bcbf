package stack

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
)

const loopback = "127.0.0.1"

// ports chooses ports and holds all of them until release, so that no two are the same.
type ports struct {
	// usual reports whether the usual port is taken if it is free.
	usual bool
	held  []io.Closer
}

// pick gives usual if that is wanted and free for TCP and UDP, else a free port. That is below those that Linux gives
// to connections (32768 and up): one of them may take a port between release and the server's start.
func (p *ports) pick(usual int) (int, error) {
	if p.usual {
		if err := p.hold(usual); err == nil {
			return usual, nil
		}
	}
	const lowest, highest, tries = 12000, 32767, 1000
	var err error
	for range tries {
		port := lowest + rand.IntN(highest-lowest+1)
		if err = p.hold(port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port on %s: %w", loopback, err)
}

func (p *ports) hold(port int) error {
	tcp, err := net.Listen("tcp", hostPort(port))
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp", hostPort(port))
	if err != nil {
		_ = tcp.Close()
		return err
	}
	p.held = append(p.held, tcp, udp)
	return nil
}

// release frees the ports for the servers that are about to take them.
func (p *ports) release() {
	for _, c := range p.held {
		_ = c.Close()
	}
	p.held = nil
}

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
