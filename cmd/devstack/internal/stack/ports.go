package stack

import (
	"fmt"
	"io"
	"net"
	"strconv"
)

const loopback = "127.0.0.1"

// ports chooses ports and holds all of them until release, so that no two are the same.
type ports struct {
	// usual says whether the usual port is taken if it is free.
	usual bool
	held  []io.Closer
}

// pick gives usual if that is wanted and free for TCP and UDP, else a free port.
func (p *ports) pick(usual int) (int, error) {
	if p.usual {
		if err := p.hold(usual); err == nil {
			return usual, nil
		}
	}
	var err error
	for range 20 { // a port that is free for TCP may be taken for UDP
		var l net.Listener
		if l, err = net.Listen("tcp", loopback+":0"); err != nil {
			break
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
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
