package tools

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// containerTools build an image (buildah) and run it (podman, with runc).
var containerTools = []string{"buildah", "podman", "runc"}

// webServers are what certificates are delivered to in tests.
var webServers = []string{"nginx", "haproxy"}

// nameServers are what records for dns-01 are written into in tests.
var nameServers = []string{"named"}

// container finds the tool; if one of the three is missing and this is root, the system's package manager installs
// them.
func (b *Box) container(ctx context.Context, name string) (string, error) {
	return b.packaged(ctx, name, containerTools, func(m packageManager) how { return m.containers })
}

// webServer finds nginx or HAProxy; if one is missing and this is root, the system's package manager installs both.
func (b *Box) webServer(ctx context.Context, name string) (string, error) {
	return b.packaged(ctx, name, webServers, func(m packageManager) how { return m.webServers })
}

// nameServer finds BIND; if it is missing and this is root, the system's package manager installs it. Debian keeps it
// where only root's PATH leads.
func (b *Box) nameServer(ctx context.Context, name string) (string, error) {
	if kept, err := exec.LookPath(filepath.Join("/usr/sbin", name)); err == nil {
		return kept, nil
	}
	return b.packaged(ctx, name, nameServers, func(m packageManager) how { return m.nameServer })
}

// packaged finds one of several tools that a package manager installs together.
func (b *Box) packaged(ctx context.Context, name string, together []string,
	way func(packageManager) how) (string, error) {
	if len(missing(together)) == 0 {
		return exec.LookPath(name)
	}
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return "", fmt.Errorf("make the tools' directory: %w", err)
	}
	// Two package managers at once disturb each other.
	unlock, err := b.lock(ctx, filepath.Join(b.Dir, "packages.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	gone := missing(together)
	if len(gone) == 0 {
		return exec.LookPath(name)
	}
	for _, m := range packageManagers {
		if _, err := exec.LookPath(m.command); err != nil {
			continue
		}
		if os.Geteuid() != 0 {
			return "", fmt.Errorf("not found: %v. Install them: sudo %s", gone, way(m).byHand)
		}
		b.Say("not found: %v; installing with %s", gone, m.command)
		if err := way(m).install(ctx, b); err != nil {
			return "", fmt.Errorf("install %v (by hand: %s): %w", gone, way(m).byHand, err)
		}
		if gone := missing(together); len(gone) > 0 {
			return "", fmt.Errorf("%s installed no %v", m.command, gone)
		}
		return exec.LookPath(name)
	}
	return "", fmt.Errorf("not found: %v. Install %v, and put them on PATH", gone, together)
}

// missing are those that are not on PATH. Debian keeps runc where only root's PATH leads.
func missing(names []string) (gone []string) {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			gone = append(gone, name)
		}
	}
	return gone
}
