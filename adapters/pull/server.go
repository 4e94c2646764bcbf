package pull

import (
	"crypto/tls"
	"log/slog"
	"sync/atomic"
	"time"

	"everleaf/adapters/internal/listener"
	"everleaf/ports"
)

// Server answers clients that fetch certificates.
type Server struct {
	*listener.Listener
	config Config
	// clients are those of the config, or what has come in their place.
	clients atomic.Pointer[map[string][]string]
	pulls   ports.Pulls
	tokens  ports.KeyTokens
	keys    ports.Keys
	logger  *slog.Logger
	files   *material
	turns   chan struct{}
	// refused are the lines of refused requests.
	refused listener.Lines
}

// New reads the listener's files and makes a server; Start makes it answer. Faults: Operator "InvalidSetting".
func New(config Config, pulls ports.Pulls, tokens ports.KeyTokens, keys ports.Keys,
	logger *slog.Logger) (*Server, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	files, err := newMaterial(config, logger)
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, pulls: pulls, tokens: tokens, keys: keys, logger: logger, files: files,
		turns: make(chan struct{}, maxOpenings)}
	s.Replace(config.Clients)
	s.Listener = listener.New(listener.Config{Name: "pull listener", Setting: "--pull-listen (EVERLEAF_PULL_LISTEN)",
		Listen: config.Listen, WriteTimeout: 15 * time.Second, TLS: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.files.current(), nil },
		}}, s.routes(), logger)
	return s, nil
}

// Replace puts other clients in the place of Config.Clients, for requests from now on.
func (s *Server) Replace(clients map[string][]string) { s.clients.Store(&clients) }
