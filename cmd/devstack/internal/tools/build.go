package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

// The pinned versions of what `go install` builds. Pebble's is in go.mod.
const (
	temporalVersion      = "v1.5.1"
	golangciLintVersion  = "v2.15.0"
	workflowcheckVersion = "v0.6.0"
	stepCAVersion        = "v0.30.2"
	gremlinsVersion      = "v0.6.0"

	pebbleModule = "github.com/letsencrypt/pebble/v2"
)

// Names are the tools that Path knows.
var Names = []string{"temporal", "pebble", "pebble-challtestsrv", "step-ca", "golangci-lint", "workflowcheck",
	"gremlins", "buildah", "podman", "runc", "nginx", "haproxy",
	"named"}

// Path gives the path of the tool, after building or installing it if need be.
func (b *Box) Path(ctx context.Context, name string) (string, error) {
	// A checker reads what the Go compiler writes, so one built by another Go may not do.
	gov := "-" + strings.ReplaceAll(runtime.Version(), " ", "_")
	switch name {
	case "buildah", "podman", "runc":
		return b.container(ctx, name)
	case "nginx", "haproxy":
		return b.webServer(ctx, name)
	case "named":
		return b.nameServer(ctx, name)
	case "temporal":
		return b.temporal(ctx)
	case "pebble", "pebble-challtestsrv":
		return b.pinned(ctx, name, pebbleModule, pebbleModule+"/cmd/"+name, time.Minute)
	case "step-ca":
		// Without cgo: its support for smart cards would need the system's library for them.
		return b.installed(ctx, name+"-"+stepCAVersion,
			"github.com/smallstep/certificates/cmd/step-ca", stepCAVersion, 3*time.Minute, "CGO_ENABLED=0")
	case "golangci-lint":
		return b.installed(ctx, name+"-"+golangciLintVersion+gov,
			"github.com/golangci/golangci-lint/v2/cmd/golangci-lint", golangciLintVersion, 2*time.Minute)
	case "workflowcheck":
		return b.installed(ctx, name+"-"+workflowcheckVersion+gov,
			"go.temporal.io/sdk/contrib/tools/workflowcheck", workflowcheckVersion, 20*time.Second)
	case "gremlins":
		return b.installed(ctx, name+"-"+gremlinsVersion,
			"github.com/go-gremlins/gremlins/cmd/gremlins", gremlinsVersion, 20*time.Second)
	}
	return "", fmt.Errorf("unknown tool %q: want one of %s", name, strings.Join(Names, ", "))
}

// pinned builds pkg in the version that go.mod gives its module.
func (b *Box) pinned(ctx context.Context, name, module, pkg string, expect time.Duration) (string, error) {
	version, err := required(b.GoMod, module)
	if err != nil {
		return "", err
	}
	return b.kept(ctx, name+"-"+version, func(scratch string) (string, error) {
		for file, content := range map[string][]byte{"go.mod": b.GoMod, "go.sum": b.GoSum} {
			if err := os.WriteFile(filepath.Join(scratch, file), content, 0o600); err != nil {
				return "", fmt.Errorf("write %s: %w", file, err)
			}
		}
		out := filepath.Join(scratch, name)
		return out, b.goTool(ctx, name+" "+version, expect, scratch, nil, "build", "-v", "-o", out, pkg)
	})
}

// installed builds pkg in its own module, so that its dependencies touch nobody's go.mod.
func (b *Box) installed(ctx context.Context, file, pkg, version string, expect time.Duration,
	env ...string) (string, error) {
	return b.kept(ctx, file, func(scratch string) (string, error) {
		name := filepath.Base(pkg)
		return filepath.Join(scratch, name), b.goTool(ctx, name+" "+version, expect, scratch,
			append(env, "GOBIN="+scratch), "install", "-v", pkg+"@"+version)
	})
}

// goTool runs the go command and says meanwhile how far it is.
func (b *Box) goTool(ctx context.Context, what string, expect time.Duration, dir string, env []string,
	args ...string) error {
	b.Say("building %s from source, once: takes about %s on 2 cores", what, expect)
	out := &progress{}
	// GOFLAGS may hold a -mod that suits the user's modules and not these.
	env = append(append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off"), env...)
	c, err := b.Procs.Start(proc.Spec{Name: "go", Path: "go", Args: args, Env: env, Dir: dir, Stdout: out, Stderr: out})
	if err != nil {
		return fmt.Errorf("build %s (is go on PATH?): %w", what, err)
	}
	begin := time.Now()
	defer b.during("building "+what, out.state)()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.Done():
	}
	if c.Err() != nil {
		return fmt.Errorf("build %s: %w\n%s", what, c.Err(), out.tail())
	}
	b.Say("  built %s in %s", what, time.Since(begin).Round(time.Second))
	return nil
}

// required is the version that the go.mod gives a module.
func required(goMod []byte, module string) (string, error) {
	for line := range strings.Lines(string(goMod)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) >= 2 && fields[0] == module {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("go.mod requires no %s", module)
}
