package pull

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"everleaf/domain"
)

// material is the listener's own certificate and the roots of its clients, as the files hold them. A certificate that
// is renewed every few weeks must not ask for a restart.
type material struct {
	config Config
	logger *slog.Logger

	mu     sync.Mutex
	stamps [3]stamp
	tls    *tls.Config
	leaf   *x509.Certificate
}

// stamp distinguishes one content of a file from the next.
type stamp struct {
	path string
	at   time.Time
	size int64
}

func stampOf(path string) stamp {
	s := stamp{path: path}
	if info, err := os.Stat(path); err == nil {
		s.at, s.size = info.ModTime(), info.Size()
	}
	return s
}

// newMaterial reads the files. Fault: Operator "InvalidSetting", which names flag, variable and path.
func newMaterial(config Config, logger *slog.Logger) (*material, error) {
	m := &material{config: config, logger: logger, stamps: stamps(config)}
	return m, m.load()
}

func stamps(config Config) [3]stamp {
	return [3]stamp{stampOf(config.Certificate), stampOf(config.Key), stampOf(config.ClientCA)}
}

// current is what a new connection is served with. Files that cannot be used leave what was there before: half of a
// change is seen while the other file is still on its way.
func (m *material) current() *tls.Config {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := stamps(m.config); now != m.stamps {
		m.stamps = now
		if err := m.load(); err != nil {
			m.logger.Warn("the pull listener keeps its old certificate files", "error", err)
		} else {
			m.logger.Info("the pull listener has reloaded its certificate files", "notAfter", m.leaf.NotAfter.UTC())
		}
	}
	return m.tls
}

// serving is the listener's own certificate.
func (m *material) serving() *x509.Certificate {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leaf
}

func (m *material) load() error {
	pair, err := tls.LoadX509KeyPair(m.config.Certificate, m.config.Key)
	if err != nil {
		return invalidFault("pull-certificate", m.config.Certificate, fmt.Sprintf(
			"it and --pull-key (EVERLEAF_PULL_KEY) must be PEM files of one certificate and its key (%v)", err))
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"http/1.1"},
		ClientAuth:   tls.NoClientCert, // without roots of ours, Go would take the system's
		// A resumed session would not be looked at again: neither against roots nor against a certificate's end.
		SessionTicketsDisabled: true,
	}
	if m.config.ClientCA != "" {
		roots, err := readRoots(m.config.ClientCA)
		if err != nil {
			return invalidFault("pull-client-ca", m.config.ClientCA,
				"it must be a PEM file with the roots of client certificates ("+err.Error()+")")
		}
		// If given: receivers of webhooks come with a token and no certificate. Each route asks for what it needs.
		config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, roots
	}
	m.tls, m.leaf = config, pair.Leaf
	return nil
}

func readRoots(path string) (*x509.CertPool, error) {
	bundle, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, errors.New("it holds no certificate")
	}
	return roots, nil
}

// invalidFault names a setting as people give it: the flag and its variable.
func invalidFault(flag, value, fix string) error {
	variable := "EVERLEAF_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil, "--%s (%s) %q cannot work: %s", flag,
		variable, value, fix)
}
