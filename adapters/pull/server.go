package pull

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// Server answers clients that fetch certificates.
type Server struct {
	config Config
	pulls  ports.Pulls
	tokens ports.KeyTokens
	sealer ports.Sealer
	logger *slog.Logger
	files  *material
	turns  chan struct{}
	server *http.Server
	bound  atomic.Value
}

// New reads the listener's files and makes a server; Start makes it answer. Faults: Operator "InvalidSetting".
func New(config Config, pulls ports.Pulls, tokens ports.KeyTokens, sealer ports.Sealer, logger *slog.Logger) (*Server, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	files, err := newMaterial(config, logger)
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, pulls: pulls, tokens: tokens, sealer: sealer, logger: logger, files: files,
		turns: make(chan struct{}, maxOpenings)}
	s.server = &http.Server{
		Handler: s.routes(),
		// The handshake counts as reading the headers.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Start binds the address and answers from then on. Faults: Operator "ListenFailed", which names setting and address.
func (s *Server) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return domain.NewFault(domain.FaultOperator, "ListenFailed", err,
			"--pull-listen (EVERLEAF_PULL_LISTEN) %q: the address cannot be bound; free it or choose another", s.config.Listen)
	}
	s.bound.Store(listener.Addr().String())
	secure := tls.NewListener(listener, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.files.current(), nil },
	})
	go func() {
		if err := s.server.Serve(secure); !errors.Is(err, http.ErrServerClosed) {
			s.logger.Error("pull listener ended", "error", err)
		}
	}()
	return nil
}

// Stop lets running answers finish until ctx ends, then cuts them off.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(err, s.server.Close())
	}
	return nil
}

// Addr is the bound address, or the configured one before Start.
func (s *Server) Addr() string {
	if bound, ok := s.bound.Load().(string); ok {
		return bound
	}
	return s.config.Listen
}
