package temporal

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// keyLife is how long an API key is used before its file is read again: each call needs one.
const keyLife = 10 * time.Second

// renewing has credentials in files read again: an API key every keyLife, a client certificate for each handshake. What
// cannot be read leaves what was used last, for a file may be in the middle of its replacement. That a server refuses
// it is seen by the polls.
func (s Settings) renewing(options *client.Options, profile envconfig.ClientConfigProfile) {
	if s.RereadAPIKey != nil {
		key := &renewedKey{reread: s.RereadAPIKey, last: s.APIKey}
		options.Credentials = client.NewAPIKeyDynamicCredentials(key.current)
	}
	if t := profile.TLS; t != nil && t.ClientCertPath != "" && options.ConnectionOptions.TLS != nil {
		certificate := &renewedCertificate{cert: t.ClientCertPath, key: t.ClientKeyPath}
		if known := options.ConnectionOptions.TLS.Certificates; len(known) > 0 {
			certificate.last = &known[0]
		}
		options.ConnectionOptions.TLS.GetClientCertificate = certificate.current
	}
}

type renewedKey struct {
	reread func() (string, error)

	mu   sync.Mutex
	last string
	read time.Time
}

func (k *renewedKey) current(context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.read) >= keyLife {
		if key, err := k.reread(); err == nil {
			k.last = key
		}
		k.read = time.Now()
	}
	return k.last, nil
}

type renewedCertificate struct {
	cert, key string

	mu   sync.Mutex
	last *tls.Certificate
}

func (c *renewedCertificate) current(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	switch {
	case err == nil:
		c.last = &pair
	case c.last == nil:
		return nil, err
	}
	return c.last, nil
}
