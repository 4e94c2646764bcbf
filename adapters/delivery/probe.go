package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Prober is a Kind that can be tried without a delivery.
type Prober interface {
	// Probe says what it saw, or what is wrong and what to do. It leaves nothing behind, and sends nothing that a
	// receiver would take for a delivery.
	Probe(ctx context.Context) (seen string, err error)
}

var _, _ Prober = Directory{}, Webhook{}

// Probe implements Prober: it makes a file beside the certificates' directories, and removes it.
func (d Directory) Probe(context.Context) (string, error) {
	base, _, _ := strings.Cut(filepath.Clean(d.Path), namePlace)
	dir := filepath.Dir(base + "x") // a delivery makes what is below it
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s does not exist: make it, or correct directory.path", dir)
	case err != nil:
		return "", fmt.Errorf("%s cannot be looked at: %w; let the worker's user enter it", dir, err)
	case !info.IsDir():
		return "", fmt.Errorf("%s is no directory: correct directory.path", dir)
	}
	file, err := os.CreateTemp(dir, ".everleaf-doctor-*")
	if err != nil {
		return "", fmt.Errorf("%s cannot be written: %w; let the worker's user write there, or correct directory.path",
			dir, err)
	}
	_ = file.Close()
	if err := os.Remove(file.Name()); err != nil {
		return "", fmt.Errorf("%s keeps the file of this check: %w; remove it", dir, err)
	}
	return dir + " can be written", nil
}

// Probe implements Prober: it shakes hands with the receiver by TLS, and says nothing.
func (c Webhook) Probe(ctx context.Context) (string, error) {
	target, err := NewWebhook("probe", c, nil, nil)
	if err != nil {
		return "", err
	}
	at, err := url.Parse(target.address.of("probe"))
	if err != nil {
		return "", err
	}
	address := at.Host
	if at.Port() == "" {
		address = net.JoinHostPort(at.Hostname(), "443")
	}
	config := target.tls.Clone()
	config.ServerName = at.Hostname()
	connection, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("%s does not shake hands: %w; is it up, reachable from here, and its CA in webhook.caBundle?",
			target.address.shown, err)
	}
	defer func() { _ = connection.Close() }()
	end := connection.(*tls.Conn).ConnectionState().PeerCertificates[0].NotAfter.UTC()
	return fmt.Sprintf("%s shakes hands; its certificate ends at %s", target.address.shown, end.Format(time.RFC3339)),
		nil
}
