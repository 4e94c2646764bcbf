package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/servertest"
)

// containers builds and runs images in its own store, which is gone after the test.
type containers struct {
	t     testing.TB
	dir   string
	image string
	tools map[string]string
	env   []string
}

// Whatever the machine's own settings are: no overlay file system, no user namespace, no cgroup v2 and no rlimit above
// the caller's is asked for, so that a plain container, as CI has it, can run containers in turn. Where podman keeps
// its database (static_dir) must be left to it: the process that it starts when a container ends would look elsewhere.
const (
	storageConf = `[storage]
driver = "vfs"
graphroot = "%[1]s/graph"
runroot = "%[1]s/run"
`
	containersConf = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
lock_type = "file"
volume_path = "%[1]s/volumes"
events_logger = "file"
tmp_dir = "%[1]s/tmp"
`
)

// newContainers has devstack find or install the tools, which only this test needs; without them the test fails.
func newContainers(t testing.TB) *containers {
	t.Helper()
	devstack := servertest.Setting(t, "EVERLEAF_TEST_DEVSTACK")
	c := &containers{t: t, image: "everleaf:test", tools: map[string]string{}}
	for _, name := range []string{"buildah", "podman", "runc"} {
		cmd := exec.Command(devstack, "tools", name)
		var stdout, stderr syncBuffer
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &stdout, &stderr, dieWithParent()
		require.NoError(t, runLocked(cmd), "the container test needs %s: %s", name, &stderr)
		c.tools[name] = filepath.Clean(stdout.String()[:len(stdout.String())-1])
	}
	var err error
	c.dir, err = os.MkdirTemp("", "everleaf-containers") // short: podman keeps sockets in it
	require.NoError(t, err)
	t.Cleanup(func() {
		// podman's own helper may still be cleaning up after the last container.
		require.Eventually(t, func() bool { return os.RemoveAll(c.dir) == nil }, 30*time.Second, 100*time.Millisecond,
			"%s is not to be removed", c.dir)
	})
	c.env = append(os.Environ(), "BUILDAH_ISOLATION=chroot", "BUILDER="+c.tools["buildah"],
		"CONTAINERS_STORAGE_CONF="+c.write("storage.conf", storageConf), "CONTAINERS_CONF="+
			c.write("containers.conf", containersConf))
	return c
}

func (c *containers) write(name, format string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	require.NoError(c.t, os.WriteFile(path, fmt.Appendf(nil, format, c.dir), 0o600))
	return path
}

// build makes the image as `make image` does, with these roots.
func (c *containers) build(roots []byte) {
	c.t.Helper()
	bundle := filepath.Join(c.dir, "roots.pem")
	require.NoError(c.t, os.WriteFile(bundle, roots, 0o600))
	cmd := exec.Command("../deploy/image.sh", c.image)
	var out syncBuffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = append(c.env, "CA_BUNDLE="+bundle), &out, &out, dieWithParent()
	require.NoError(c.t, runLocked(cmd), "image.sh:\n%s", &out)
}

// podman is podman with these arguments, or a container of this name that podman runs with them; a container ends after
// five minutes whatever happens to the test.
func (c *containers) podman(ctx context.Context, container string, args []string) *exec.Cmd {
	c.t.Helper()
	if container != "" {
		args = append([]string{
			"run", "--rm", "--name", container, "--timeout", "300",
			"--env", "DEVSTACK_GROUP", // by which devstack finds what a killed test left behind
		}, args...)
	}
	cmd := exec.CommandContext(ctx, c.tools["podman"], args...)
	cmd.Env, cmd.SysProcAttr = c.env, dieWithParent()
	return cmd
}

// start runs a container in the background until the test is over.
func (c *containers) start(name string, log *syncBuffer, args []string) *process {
	c.t.Helper()
	p := &process{t: c.t, cmd: c.podman(context.Background(), name, args), log: log, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	start(c.t, p.cmd)
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	c.t.Cleanup(func() {
		select {
		case <-p.done:
		default:
			c.must("", []string{"rm", "--force", "--time", "0", "--ignore", name})
			<-p.done
		}
	})
	return p
}
