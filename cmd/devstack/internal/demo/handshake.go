package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sync/atomic"
	"time"
)

// server is a TLS listener that serves an exported chain and key, as a web server would.
type server struct {
	listener net.Listener
	current  atomic.Pointer[tls.Certificate]
}

// serve listens on a free port of 127.0.0.1 until close.
func serve() (*server, error) {
	s := &server{}
	var err error
	s.listener, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := s.current.Load(); c != nil {
				return c, nil
			}
			return nil, errors.New("nothing to serve yet")
		}})
	if err != nil {
		return nil, fmt.Errorf("listen for TLS: %w", err)
	}
	go func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				if conn.(*tls.Conn).Handshake() == nil {
					_, _ = conn.Write([]byte("served with a certificate that Everleaf keeps\n"))
				}
			}()
		}
	}()
	return s, nil
}

func (s *server) close() { _ = s.listener.Close() }

// use serves the chain and key of the two files from now on.
func (s *server) use(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("load the exported chain and key: %w", err)
	}
	s.current.Store(&pair)
	return nil
}

// handshake connects as a client that trusts only the root, once for each name, and answers the served certificate.
// It fails unless every handshake succeeds and the certificate has the serial (hexadecimal).
func (s *server) handshake(ctx context.Context, rootPEM []byte, names []string,
	serial string) (*x509.Certificate, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(rootPEM) {
		return nil, errors.New("the CA's root is not a PEM certificate")
	}
	if len(names) == 0 {
		return nil, errors.New("the certificate has no names")
	}
	want, ok := new(big.Int).SetString(serial, 16)
	if !ok {
		return nil, fmt.Errorf("the serial %q is not hexadecimal", serial)
	}
	var leaf *x509.Certificate
	for _, name := range names {
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second},
			Config: &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}}
		conn, err := d.DialContext(ctx, "tcp", s.listener.Addr().String())
		if err != nil {
			return nil, fmt.Errorf("TLS handshake as %s: %w", name, err)
		}
		leaf = conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
		_ = conn.Close()
		if leaf.SerialNumber.Cmp(want) != 0 {
			return nil, fmt.Errorf("TLS handshake as %s: serial %x is served, want %s", name, leaf.SerialNumber, serial)
		}
	}
	return leaf, nil
}
