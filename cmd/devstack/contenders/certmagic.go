package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// newCertMagic is CertMagic as it comes, with its storage of files, but without its rate limiter (10 orders in 10 s)
// and its log.
func newCertMagic(_ context.Context, job Job, roots *x509.CertPool) (client, error) {
	host, port, err := net.SplitHostPort(job.Listen)
	if err != nil {
		return nil, fmt.Errorf("read the address for HTTP-01: %w", err)
	}
	listen, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("read the port for HTTP-01: %w", err)
	}
	certmagic.RateLimitEvents, certmagic.RateLimitEventsWindow = 0, 0
	var config *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil },
		Logger:           zap.NewNop(),
	})
	config = certmagic.New(cache, certmagic.Config{Storage: &certmagic.FileStorage{Path: job.Dir},
		Logger: zap.NewNop()})
	config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(config, certmagic.ACMEIssuer{
		CA: job.Directory, TrustedRoots: roots, Email: "ops@example.com", Agreed: true,
		DisableTLSALPNChallenge: true, ListenHost: host, AltHTTPPort: listen, Logger: zap.NewNop(),
	})}
	return config.ObtainCertSync, nil
}
