package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Link is the name of the link to the running stack's directory, beside the program.
const Link = "stack"

// called is what people call the parts.
var called = map[string]string{"worker": "Worker", "ca": "Pebble", "postgres": "Postgres", "temporal": "Temporal",
	"dns": "DNS"}

// Parts are the names that Break knows.
func Parts() []string { return slices.Sorted(maps.Keys(called)) }

// Open lets Break and SetAddress in, and has a link beside the program lead to the stack: its path is the answer. If
// another stack that runs has the link, the answer is the stack's own directory. The link goes when the stack stops.
func (s *Stack) Open(ctx context.Context, link string) (path string, err error) {
	socket := s.path("control")
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // one that a kept stack left behind
		return "", err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return "", fmt.Errorf("listen for `devstack break`: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return "", fmt.Errorf("close the socket to others: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /break", s.handleBreak)
	mux.HandleFunc("POST /dns", s.handleDNS)
	var linked atomic.Bool
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(l) }()
	go func() {
		<-s.Procs.Stopping()
		if linked.Load() { // first: a command that finds no stack behind the link takes it
			_ = os.Remove(link)
		}
		_ = server.Close()
	}()
	if _, err := ask(ctx, link, "", nil); err == nil {
		return s.Dir, nil
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("replace the link to the stack: %w", err)
	}
	if err := os.Symlink(s.Dir, link); err != nil {
		return "", fmt.Errorf("link to the stack: %w", err)
	}
	linked.Store(true)
	return link, nil
}

func (s *Stack) handleBreak(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("part")
	p := s.parts[called[name]]
	if p == nil {
		http.Error(w, fmt.Sprintf("this stack has no %q", name), http.StatusNotFound)
		return
	}
	within, err := time.ParseDuration(r.FormValue("for"))
	if err != nil || within < 0 {
		http.Error(w, "for how long? "+r.FormValue("for"), http.StatusBadRequest)
		return
	}
	called := p.spec.Name
	switch {
	case within == 0:
		p.end(0)
		_, _ = fmt.Fprintf(w, "%s was killed, and is started again at once.\n", called)
	case name == "ca":
		// Killed it would forget everything, and a CA that answers nothing is the harder case.
		s.Say("%s answers nothing for %s (devstack break)", called, within)
		p.freeze(within, func() { s.Say("%s answers again", called) })
		_, _ = fmt.Fprintf(w, "%s takes connections and answers nothing for %s.\n", called, within)
	default:
		p.end(within)
		_, _ = fmt.Fprintf(w, "%s was killed, and is started again in %s.\n", called, within)
	}
}

func (s *Stack) handleDNS(w http.ResponseWriter, r *http.Request) {
	name, address := r.FormValue("name"), r.FormValue("address")
	if _, err := netip.ParseAddr(address); err != nil || name == "" {
		http.Error(w, fmt.Sprintf("%q is no IP address", address), http.StatusBadRequest)
		return
	}
	if err := s.Resolve(r.Context(), name, address); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	_, _ = fmt.Fprintf(w, "%s is %s from now on.\n", name, address)
}

// Break ends a part of the stack whose directory is dir, or stops it for a while. The answer is for people.
func Break(ctx context.Context, dir, part string, within time.Duration) (string, error) {
	return ask(ctx, dir, "/break", url.Values{"part": {part}, "for": {within.String()}})
}

// SetAddress has the DNS server of the stack whose directory is dir answer with this address for a name.
func SetAddress(ctx context.Context, dir, name, address string) (string, error) {
	return ask(ctx, dir, "/dns", url.Values{"name": {name}, "address": {address}})
}

// ask asks the devstack that runs the stack in dir. With an empty path, it only looks whether there is one.
func ask(ctx context.Context, dir, path string, form url.Values) (string, error) {
	// A socket's path has to be short, which that of a link need not be.
	if to, err := filepath.EvalSymlinks(dir); err == nil {
		dir = to
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", filepath.Join(dir, "control"))
	if err != nil {
		return "", fmt.Errorf("no stack runs at %s (`make run` starts one): %w", dir, err)
	}
	defer func() { _ = conn.Close() }()
	if path == "" {
		return "", nil
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://stack"+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask the stack: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("read the stack's answer: %w", err)
	}
	text := strings.TrimSpace(string(said))
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(text)
	}
	return text, nil
}
