package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"everleaf/cmd/devstack/internal/stack"
	"everleaf/cmd/devstack/internal/tools"
)

const (
	name = "demo"
	// renewalWithin bounds the wait for a renewal: a demo certificate lives for two minutes.
	renewalWithin = 3 * time.Minute
)

var dnsNames = []string{"demo.example.test", "www.demo.example.test"}

// Demo is one certificate's life on a running stack.
type Demo struct {
	Stack    *stack.Stack
	Everleaf Everleaf
	Shell    Shell
	Say      tools.Say

	server *server
	// roots are those under which Pebble has issued since the start, PEM: it has another after each start.
	roots []byte
}

// Issue obtains the certificate, prints the summary and serves it in a TLS handshake.
func (d *Demo) Issue(ctx context.Context) (Status, error) {
	var err error
	if d.server, err = serve(); err != nil {
		return Status{}, err
	}
	d.Say("")
	d.Say("Asking for certificate %q for %s ...", name, strings.Join(dnsNames, ", "))
	begin := time.Now()
	status, err := d.ensure(ctx)
	if err != nil {
		return status, err
	}
	if status.Issued == nil {
		return status, fmt.Errorf("cert ensure answered, but no certificate is there: %s", describe(status))
	}
	d.Say("In service after %s.", time.Since(begin).Round(100*time.Millisecond))
	d.summary(status)
	if status.Issued.NotBefore.Before(begin.Truncate(time.Second)) {
		d.Say("This certificate was kept from an earlier run, and Pebble has a new root since: it is not served before " +
			"its renewal.")
		return status, nil
	}
	return d.show(ctx, status)
}

// ensure runs `cert ensure` and prints each step meanwhile.
func (d *Demo) ensure(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for last := ""; ctx.Err() == nil; {
			// Until the workflow is there, there is no status to see.
			if s, err := d.Everleaf.Look(ctx, name); err == nil && s.Phase != "Ready" && describe(s) != last {
				last = describe(s)
				d.Say("  %s", last)
			}
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
	args := []string{"cert", "ensure", name, "--profile", "demo", "--timeout", "2m", "--output", "json"}
	for _, n := range dnsNames {
		args = append(args, "--name", n)
	}
	status, err := d.Everleaf.status(ctx, args...)
	cancel()
	<-done
	return status, err
}

func (d *Demo) summary(s Status) {
	d.Say("")
	d.Say("  names         %s", strings.Join(s.Issued.Names, ", "))
	d.Say("  issuer        %s (%s)", s.Issued.IssuerCN, s.Issued.Issuer)
	d.Say("  serial        %s", s.Issued.Serial)
	d.Say("  valid         %s to %s (%s)", clock(s.Issued.NotBefore), clock(s.Issued.NotAfter),
		s.Issued.NotAfter.Sub(s.Issued.NotBefore).Round(time.Second))
	if s.Renewal != nil {
		d.Say("  next renewal  %s: %s", clock(s.Renewal.At), s.Renewal.Message)
	}
	d.Say("  look at it    %s", d.Shell.everleaf("cert status "+name))
	d.Say("                %s", d.Shell.temporal("workflow show --workflow-id certificate/"+name))
	if d.Stack.WebUI != "" {
		d.Say("  web UI        %s/namespaces/default/workflows/certificate%%2F%s", d.Stack.WebUI, name)
		d.Say("  all of them   %s", View(d.Stack.WebUI))
		d.Say("                (saves the view %q; its columns are chosen by the gear of the table: %s)", viewName,
			strings.Join(viewColumns, ", "))
	}
	d.Say("  logs          %s", d.Stack.Logs)
	d.Say("  served on     openssl s_client -connect %s -servername %s -CAfile %s", d.server.listener.Addr(),
		dnsNames[0],
		d.rootFile())
	d.Say("")
}

// show exports the stored chain and key, serves them, and handshakes as a client that trusts only Pebble's root. It
// answers the status of what was served: the certificate may be renewed at this very moment.
func (d *Demo) show(ctx context.Context, s Status) (Status, error) {
	err := d.handshake(ctx, s)
	if err == nil {
		return s, nil
	}
	now, lookErr := d.Everleaf.Look(ctx, name)
	if lookErr != nil || now.Serial() == "" || now.Serial() == s.Serial() {
		return s, err
	}
	return now, d.handshake(ctx, now)
}

func (d *Demo) handshake(ctx context.Context, s Status) error {
	dir := filepath.Join(d.Stack.Dir, "export")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the export's directory: %w", err)
	}
	if _, err := d.Everleaf.Run(ctx, "cert", "export", name, "--dir", dir); err != nil {
		return err
	}
	if err := d.server.use(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")); err != nil {
		return err
	}
	if err := d.trust(ctx); err != nil {
		return err
	}
	leaf, err := d.server.handshake(ctx, d.roots, s.Issued.Names, s.Issued.Serial)
	if err != nil {
		return err
	}
	d.Say("TLS handshake verified against Pebble's root for %s: serial %s, valid until %s.",
		strings.Join(s.Issued.Names, " and "), s.Issued.Serial, clock(leaf.NotAfter))
	return nil
}

// trust adds Pebble's root to those that the handshake's client trusts, if it has another by now.
func (d *Demo) trust(ctx context.Context) error {
	root, err := d.Stack.IssuingRoot(ctx)
	if err != nil {
		return fmt.Errorf("ask Pebble for its root: %w", err)
	}
	if bytes.Contains(d.roots, root) {
		return nil
	}
	d.roots = append(d.roots, root...)
	if err := os.WriteFile(d.rootFile(), d.roots, 0o600); err != nil {
		return fmt.Errorf("write the CA's root: %w", err)
	}
	return nil
}

// Renewal waits for the next certificate and serves it as Issue did.
func (d *Demo) Renewal(ctx context.Context, before Status) (Status, error) {
	d.Say("Waiting for the renewal ...")
	w := watch{say: d.Say, every: 2 * time.Second, repeat: 15 * time.Second, within: renewalWithin,
		look: func(ctx context.Context) (Status, error) { return d.Everleaf.Look(ctx, name) }}
	after, err := w.renewal(ctx, before.Serial())
	if err != nil {
		return before, err
	}
	d.Say("Renewed: serial %s replaces %s, valid until %s.", after.Serial(), before.Serial(),
		clock(after.Issued.NotAfter))
	return d.show(ctx, after)
}

// Close stops serving.
func (d *Demo) Close() {
	if d.server != nil {
		d.server.close()
	}
}

func (d *Demo) rootFile() string { return filepath.Join(d.Stack.Dir, "pebble-root.pem") }
