package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/servertest"
)

// updateHAProxy as first argument makes this test's program what a delivery runs: the rest is the path of HAProxy's
// stats socket and that of the combined file.
const updateHAProxy = "update-haproxy"

func init() {
	if len(os.Args) != 4 || os.Args[1] != updateHAProxy {
		return
	}
	if err := replaceInHAProxy(os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// replaceInHAProxy puts a certificate in a running HAProxy's memory. One that does not run reads the file when it
// starts.
func replaceInHAProxy(socket, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var payload bytes.Buffer // an empty line ends it
	for line := range bytes.Lines(content) {
		if len(bytes.TrimSpace(line)) > 0 {
			payload.Write(line)
		}
	}
	if _, err := os.Stat(socket); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, c := range []struct{ command, answer string }{
		{"set ssl cert " + file + " <<\n" + payload.String() + "\n", "Transaction created"},
		{"commit ssl cert " + file + "\n", "Success!"},
	} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return err
		}
		_, err = io.WriteString(conn, c.command)
		answer, readErr := io.ReadAll(conn)
		_ = conn.Close()
		if err := errors.Join(err, readErr); err != nil {
			return err
		}
		if !strings.Contains(string(answer), c.answer) {
			return fmt.Errorf("HAProxy says: %s", bytes.TrimSpace(answer))
		}
	}
	return nil
}

// packagedTool has devstack find or install a program that few tests need.
func packagedTool(t testing.TB, name string) string {
	t.Helper()
	devstack := servertest.Setting(t, "EVERLEAF_TEST_DEVSTACK")
	cmd := exec.Command(devstack, "tools", name)
	var stdout, stderr syncBuffer
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &stdout, &stderr, dieWithParent()
	require.NoError(t, runLocked(cmd), "%s: %s", name, &stderr)
	return strings.TrimSpace(stdout.String())
}

// webServers are nginx and HAProxy with the files that deliveries put into dir.
type webServers struct {
	t           testing.TB
	dir         string
	nginxAt     string
	haproxyAt   string
	reloadNginx string // path of a script
	socket      string // HAProxy's
	log         *syncBuffer
}

func newWebServers(t testing.TB) *webServers {
	t.Helper()
	dir, err := os.MkdirTemp("", "everleaf-web") // short: a socket's path has a limit
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &webServers{t: t, dir: dir, nginxAt: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		haproxyAt:   fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		reloadNginx: filepath.Join(dir, "reload-nginx"), socket: filepath.Join(dir, "haproxy.sock"), log: &syncBuffer{}}
	for _, made := range []string{"nginx", "haproxy", "tmp"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, made), 0o755))
	}
	nginx := packagedTool(t, "nginx")
	// Before nginx runs, there is nothing to reload.
	script := fmt.Sprintf("#!/bin/sh\n[ -s %[2]s/nginx.pid ] || exit 0\nexec %[1]s -p %[2]s -e stderr -c %[2]s/nginx.conf -s reload\n", nginx, dir)
	require.NoError(t, os.WriteFile(w.reloadNginx, []byte(script), 0o755))
	return w
}

// start starts both on the files of a certificate, and waits until they serve.
func (w *webServers) start(certificate string) {
	w.t.Helper()
	at := filepath.Join(w.dir, "nginx", certificate)
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, "nginx.conf"), fmt.Appendf(nil, `%[5]sdaemon off;
worker_processes 2;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path %[1]s/tmp; proxy_temp_path %[1]s/tmp; fastcgi_temp_path %[1]s/tmp; uwsgi_temp_path %[1]s/tmp; scgi_temp_path %[1]s/tmp;
  server {
    listen %[2]s ssl;
    ssl_certificate %[3]s/tls.crt;
    ssl_certificate_key %[4]s/tls.key;
    location / { return 200 "served\n"; }
  }
}
`, w.dir, w.nginxAt, at, at, user), 0o644))
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, "haproxy.cfg"), fmt.Appendf(nil, `global
  stats socket %s level admin
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend web
  bind %s ssl crt %s
  http-request return status 200 content-type text/plain string served
`, w.socket, w.haproxyAt, filepath.Join(w.dir, "haproxy", certificate, "tls.pem")), 0o644))
	w.run(packagedTool(w.t, "nginx"), "-p", w.dir, "-e", "stderr", "-c", filepath.Join(w.dir, "nginx.conf"))
	w.run(packagedTool(w.t, "haproxy"), "-db", "-f", filepath.Join(w.dir, "haproxy.cfg"))
	for _, address := range []string{w.nginxAt, w.haproxyAt} {
		require.Eventually(w.t, func() bool {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		}, 30*time.Second, 20*time.Millisecond, "%s\n%s", address, w.log)
	}
}

func (w *webServers) run(path string, args ...string) {
	w.t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = w.log, w.log, dieWithParent()
	start(w.t, cmd)
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // a fast end: nginx's workers go as well
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
	})
}

// load makes one TLS connection after the other, each with a request, and remembers who served what when.
type load struct {
	mu     sync.Mutex
	made   int
	failed []error
	seen   map[string]time.Time // by server and serial: the first time
	stop   func()
}

// newLoad begins with some connections at once to each address.
func newLoad(t testing.TB, roots *x509.CertPool, name string, atOnce int, addresses ...string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{seen: map[string]time.Time{}}
	var going sync.WaitGroup
	l.stop = sync.OnceFunc(func() { cancel(); going.Wait() })
	t.Cleanup(l.stop)
	for _, address := range addresses {
		for range atOnce {
			going.Go(func() {
				for ctx.Err() == nil {
					serial, err := visit(address, roots, name)
					l.note(address, serial, err)
					select {
					case <-time.After(5 * time.Millisecond): // so that two cores have time for the rest
					case <-ctx.Done():
					}
				}
			})
		}
	}
	return l
}

func (l *load) note(address, serial string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	if err != nil {
		l.failed = append(l.failed, fmt.Errorf("%s: %w", address, err))
		return
	}
	if _, known := l.seen[address+" "+serial]; !known {
		l.seen[address+" "+serial] = time.Now()
	}
}

// since is when an address first served a serial; zero if it has not.
func (l *load) since(address, serial string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[address+" "+serial]
}

// visit makes a new connection and asks for a page; it answers the serial of the certificate.
func visit(address string, roots *x509.CertPool, name string) (serial string, err error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second},
		Config: &tls.Config{RootCAs: roots, ServerName: name}}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name); err != nil {
		return "", err
	}
	page, err := io.ReadAll(conn)
	if err == nil && !bytes.Contains(page, []byte("served")) {
		err = fmt.Errorf("answered %q", page)
	}
	return fmt.Sprintf("%x", conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Bytes()), err
}
