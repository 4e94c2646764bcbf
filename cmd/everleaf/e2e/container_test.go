//go:build linux

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres/postgrestest"
)

// The image that is shipped, built and run as deploy/kustomize runs it: not root, nothing writable, no capability, the
// sealing key a file that only the pod's group may read, settings by variables. It migrates, obtains a certificate and
// stops when asked.
func TestContainer(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_POSTGRES_URL", postgrestest.Empty(t))
	roots := systemRoots(t)
	testCA, err := os.ReadFile(s.proxy.CABundle)
	require.NoError(t, err)
	c := newContainers(t)
	c.build(append(roots, testCA...))

	image := c.export()
	require.Equal(t, []string{"etc/ssl/certs/ca-certificates.crt 0444", "everleaf 0555"}, image.files(),
		"no shell, nothing undeclared")
	image.requireRoots(t, testCA)
	image.requireStatic(t, "everleaf")
	c.requireConfig()

	env := s.inImage()
	out := c.must("migrate", c.command(env, s.sealing, "migrate"))
	require.Regexp(t, `schema migrated from version 0 to \d+`, out)

	// The zones are in the binary: log lines are stamped in this one, 12:45 or 13:45 before UTC.
	env["TZ"] = "Pacific/Chatham"
	worker := c.start("worker", s.log, c.command(env, s.sealing, "worker"))
	ops := s.opsURL()
	for _, path := range []string{"/livez", "/readyz"} {
		s.eventually("the container to answer "+path, func() bool {
			select {
			case <-worker.done:
				t.Fatalf("the container ended: %s", s.log)
			default:
			}
			res, err := http.Get(ops + path)
			if err == nil {
				_ = res.Body.Close()
			}
			return err == nil && res.StatusCode == http.StatusOK
		})
	}
	require.Regexp(t, regexp.MustCompile(`(?m)^time=\S+\+1[23]:45 `), s.log.String())
	c.requireConfined("worker")

	// No EVERLEAF_ACME_CA_BUNDLE: the CA's server is verified by the image's own bundle.
	got := status(t, result{stdout: c.must("ensure",
		c.command(env, s.sealing, "cert", "ensure", s.name, "--name", "container.example.test", "--output", "json"))})
	require.NotNil(t, got.Issued)

	c.must("", []string{"stop", "--time", "30", "worker"})
	<-worker.done
	require.Equal(t, 0, worker.cmd.ProcessState.ExitCode(), "exit code after SIGTERM; log:\n%s", s.log)
	for _, secret := range []string{"EVERLEAF_POSTGRES_URL", "sealing.key"} {
		require.NotContains(t, string(image.config), secret)
	}
}

// inImage are the stack's settings as a container gets them.
func (s *stack) inImage() map[string]string {
	env := map[string]string{}
	for _, kv := range s.env {
		name, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "EVERLEAF_") || strings.HasPrefix(name, "TEMPORAL_") {
			env[name] = value
		}
	}
	delete(env, "EVERLEAF_ACME_CA_BUNDLE")
	env["EVERLEAF_SEALING_KEY"] = "file://" + sealingInImage
	return env
}

const (
	sealingInImage = "/etc/everleaf/sealing/sealing.key"
	imageUser      = 65532
)

// command are podman's arguments for one command of the image, confined as the manifests confine it. The sealing key is
// what Kubernetes makes of a Secret with defaultMode 0440 and fsGroup.
func (c *containers) command(env map[string]string, sealing string, args ...string) []string {
	c.t.Helper()
	require.NoError(c.t, os.Chown(sealing, 0, imageUser), "this test needs root")
	require.NoError(c.t, os.Chmod(sealing, 0o440))
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&lines, "%s=%s\n", name, env[name])
	}
	file := filepath.Join(c.dir, fmt.Sprintf("env-%d", time.Now().UnixNano()))
	require.NoError(c.t, os.WriteFile(file, []byte(lines.String()), 0o600))
	return append([]string{
		"--env-file", file, "--http-proxy=false", "--network", "host",
		"--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges",
		"--volume", sealing + ":" + sealingInImage + ":ro", c.image,
	}, args...)
}

// requireConfig checks what a runtime reads from the image.
func (c *containers) requireConfig() {
	c.t.Helper()
	var got []struct {
		Config struct {
			User, WorkingDir string
			ExposedPorts     map[string]any
			Entrypoint, Cmd  []string
			Env              []string
			Labels           map[string]string
		}
	}
	require.NoError(c.t, json.Unmarshal([]byte(c.must("", []string{"image", "inspect", c.image})), &got))
	config := got[0].Config
	require.Equal(c.t, "65532:65532", config.User)
	require.Equal(c.t, []string{"8401/tcp", "8402/tcp"}, slices.Sorted(maps.Keys(config.ExposedPorts)))
	require.Equal(c.t, []string{"/everleaf"}, config.Entrypoint)
	require.Equal(c.t, []string{"worker"}, config.Cmd)
	require.Len(c.t, config.Env, 1, "only the builder's PATH: %v", config.Env)
	for _, label := range []string{"title", "description", "version", "revision"} {
		require.NotEmpty(c.t, config.Labels["org.opencontainers.image."+label], label)
	}
}

// requireConfined asks the kernel how the process runs.
func (c *containers) requireConfined(name string) {
	c.t.Helper()
	pid := strings.TrimSpace(c.must("", []string{"inspect", "--format", "{{.State.Pid}}", name}))
	state, err := os.ReadFile("/proc/" + pid + "/status")
	require.NoError(c.t, err)
	for _, line := range []string{
		"Uid:\t65532\t65532\t65532\t65532", "Gid:\t65532\t65532\t65532\t65532", "CapEff:\t0000000000000000",
		"NoNewPrivs:\t1", "Seccomp:\t2",
	} {
		require.Contains(c.t, string(state), line+"\n")
	}
	mounts, err := os.Open("/proc/" + pid + "/mounts")
	require.NoError(c.t, err)
	defer mounts.Close()
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // device, mount point, type, options
		if fields[1] == "/" || strings.HasPrefix(fields[1], "/etc/everleaf") || fields[1] == "/tmp" {
			require.Contains(c.t, strings.Split(fields[3], ","), "ro", lines.Text())
		}
	}
}

// systemRoots is the bundle of this machine, which the image gets with the test's CA added.
func systemRoots(t testing.TB) []byte {
	t.Helper()
	roots, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	require.NoError(t, err, "the container test needs a CA bundle: install ca-certificates")
	return append(roots, '\n')
}

// must runs podman to its end and gives its standard output; with a name, it runs a container of that name.
func (c *containers) must(name string, args []string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := c.podman(ctx, name, args)
	var stdout, stderr syncBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(c.t, runLocked(cmd), "podman %v\n%s%s", args, &stdout, &stderr)
	return stdout.String()
}
