package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/dns01/dns01test"
	"everleaf/adapters/servertest"
)

const repository = "../../.."

// Every command of the documentation runs, page after page, on one stack; what the pages call shop, nginx or default is
// there.
func TestDocumentationRuns(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "example.com")
	for _, name := range []string{"shop", "www", "blog", "www.shop", "www.blog"} {
		server.Add(name + ".example.com. 1 A 127.0.0.1")
	}
	s, _ := withDNS(t, server)
	s.ownNamespace()
	s.documented(server)
	worker := s.run()
	s.run("--roles=delivery", "--delivery-host=edge1")
	s.withoutEndpoint("everleaf")
	t.Cleanup(func() { s.withoutEndpoint("everleaf") })
	for _, p := range documented(t) {
		if len(p.commands) == 0 {
			continue
		}
		t.Run(filepath.Base(p.Path), func(t *testing.T) {
			r := &reader{stack: s.in(t), worker: worker, dir: t.TempDir()}
			if filepath.Base(p.Path) == "upgrading.md" { // a current version would take the work from the others
				r.stack = newStack(t)
				r.versioned("everleaf", "BUILD")
			} else {
				r.prepare(p)
			}
			for _, c := range p.commands {
				r.follow(p.Path, c)
			}
		})
	}
}

// in is the stack for a part of its test.
func (s *stack) in(t *testing.T) *stack {
	part := *s
	part.t = t
	return &part
}

// withoutEndpoint removes a Nexus endpoint, which a namespace does not keep apart.
func (s *stack) withoutEndpoint(name string) {
	_, _ = s.shell("temporal operator nexus endpoint delete --name " + name) // where there is one
}

// versioned starts a worker of a build that is not current yet.
func (s *stack) versioned(deployment, build string) {
	s.t.Helper()
	s.ownNamespace()
	s.run("--worker-versioning", "--deployment-name="+deployment, "--build-id="+build)
	s.eventually("the build to be known", func() bool {
		_, err := s.temporal.WorkerDeploymentClient().GetHandle(deployment).DescribeVersion(context.Background(),
			client.WorkerDeploymentDescribeVersionOptions{BuildID: build})
		return err == nil
	})
}

// documented has workers that know what the pages name: issuers, targets and a zone.
func (s *stack) documented(server *dns01test.Server) {
	s.t.Helper()
	dir, text := s.t.TempDir(), "issuers:\n"
	for _, name := range []string{"default", "spare"} {
		text += fmt.Sprintf("- {name: %s, directory: %q, caBundle: %q, email: ops@example.com}\n", name,
			s.proxy.Directory, s.proxy.CABundle)
	}
	text += "targets:\n"
	for _, name := range []string{"nginx", "haproxy", "disk"} {
		text += fmt.Sprintf("- {name: %s, directory: {path: \"%s/%s/{name}\"}}\n", name, dir, name)
		require.NoError(s.t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	text += fmt.Sprintf("dns:\n- {zone: example.com, rfc2136: {server: %q, tsig: {name: %s, secret: \"${TEST_TSIG_SECRET}\"}}}\n",
		server.Addr, server.Key.Name)
	file := filepath.Join(dir, "everleaf.yaml")
	require.NoError(s.t, os.WriteFile(file, []byte(text), 0o600))
	s.set("EVERLEAF_CONFIG", file)
}

// reader follows a page.
type reader struct {
	*stack
	worker *process
	// dir is where the page's commands are run.
	dir string
}

var (
	// unfinished is what a program says of a command that lacks something: in a sentence it stands for all of its kind.
	unfinished = regexp.MustCompile(`expected "|expected one of|missing flags|missing settings: give|required flag|must set either|give a .* name`)
	// endless are the commands that an interrupt ends, each with what it has printed when it is at work, and its exit
	// code.
	endless = map[string]struct {
		says string
		code int
	}{"everleaf worker": {"everleaf started", 0}, "everleaf cert list --watch": {"shop", 130}}
	// unkept are commands after which there may be no certificate, or one that the next cannot be about.
	unkept = regexp.MustCompile(`^everleaf cert (retire|revoke)`)
)

// follow runs a command, which must succeed.
func (r *reader) follow(page string, c command) {
	r.t.Helper()
	if unkept.MatchString(c.line) || c.prints != "" {
		r.must("cert", "ensure", "shop", "--name", "shop.example.com")
	}
	began := time.Now()
	// What a reader puts in place of these.
	stands := strings.NewReplacer("NAME", "shop", "ISSUER", "default", "TLS_DIR=/srv/tls", "TLS_DIR=.",
		"--responder-name www.example.com", "--responder-name "+r.http01)
	out, code := r.enter(stands.Replace(c.line))
	r.t.Logf("%s (%s)", strings.TrimSpace(c.line), time.Since(began).Round(10*time.Millisecond))
	switch {
	case c.prints != "":
		r.shows(c, out)
	case c.mention && code != 0 && unfinished.MatchString(out):
	default:
		assert.Equal(r.t, endless[c.line].code, code, "%s: %s\n%s", page, c.line, out)
	}
}

// prepare has shop in service, and puts into the folder what a reader of the page has written by then.
func (r *reader) prepare(p documentedPage) {
	r.t.Helper()
	r.must("cert", "ensure", "shop", "--name", "shop.example.com")
	for name, begin := range map[string]string{"fleet.yaml": "fleet:", "everleaf.yaml": "issuers:"} {
		for _, b := range p.Blocks {
			if b.Kind == "yaml" && strings.HasPrefix(b.Text, begin) {
				text := strings.ReplaceAll(b.Text, "/etc/ca/root.pem", r.proxy.CABundle)
				require.NoError(r.t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
			}
		}
	}
	script, err := os.ReadFile(filepath.Join(repository, "adapters/delivery/testdata/target.sh"))
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(filepath.Join(r.dir, "target.sh"), script, 0o700))
}

// enter types a command, answers y where it asks, and interrupts what does not end.
func (r *reader) enter(line string) (out string, code int) {
	r.t.Helper()
	if line == "/readyz" {
		_, body := r.worker.readyz()
		return body, 0
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), hang)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `temporal() { "$CLI" "$@"; }; everleaf() { "$BINARY" "$@"; }; `+line)
	until, goesOn := endless[line]
	if goesOn {
		cmd = exec.CommandContext(ctx, binary, strings.Fields(line)[1:]...)
	}
	text := &syncBuffer{}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = text, text, dieWithParent()
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader("y\n")
	cmd.Env = append(r.env, "CLI="+servertest.Setting(r.t, "EVERLEAF_TEST_TEMPORAL_CLI"), "BINARY="+binary,
		"EVERLEAF_HTTP01_LISTEN=127.0.0.1:0") // a worker beside this test's
	const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	for _, name := range []string{"GTS_KEY_ID", "GTS_HMAC_KEY", "TSIG_SECRET", "DNS_PASSWORD", "APPLIANCE_TOKEN"} {
		cmd.Env = append(cmd.Env, name+"="+key)
	}
	cmd.Env = append(cmd.Env, "PORTAL_SECRET=whsec_"+key)
	start(r.t, cmd)
	if goesOn {
		r.eventually(line, func() bool { return strings.Contains(text.String(), until.says) })
		require.NoError(r.t, cmd.Process.Signal(os.Interrupt))
	}
	if err, exited := cmd.Wait(), new(exec.ExitError); err != nil && !errors.As(err, &exited) {
		require.NoError(r.t, err, line)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}

// shows compares the labels of a text with those of what the command behind its fence prints.
func (r *reader) shows(c command, out string) {
	r.t.Helper()
	labels := func(text string) (all []string) {
		for line := range strings.Lines(text) {
			if found := label.FindStringSubmatch(line); found != nil {
				all = append(all, found[1]+found[2])
			}
		}
		return all
	}
	printed := labels(out)
	for _, one := range labels(c.prints) {
		assert.Contains(r.t, printed, one, "%s prints:\n%s", c.line, out)
	}
}

// label is what does not change in a line: the subject of a verdict, or what stands before the columns.
var label = regexp.MustCompile(`^(?:ok|warn|fail) +(DNS zone|task queue|[a-z ]+)\b|^(\w+(?: \w+)?) {2,}`)
