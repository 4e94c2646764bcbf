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

// container finds the tool; if one of the three is missing and this is root, the system's package manager installs
// them.
func (b *Box) container(ctx context.Context, name string) (string, error) {
	if len(missing(containerTools)) == 0 {
		return exec.LookPath(name)
	}
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return "", fmt.Errorf("make the tools' directory: %w", err)
	}
	// Two package managers at once disturb each other.
	unlock, err := b.lock(ctx, filepath.Join(b.Dir, "containers.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	gone := missing(containerTools)
	if len(gone) == 0 {
		return exec.LookPath(name)
	}
	for _, m := range packageManagers {
		if _, err := exec.LookPath(m.command); err != nil {
			continue
		}
		if os.Geteuid() != 0 {
			return "", fmt.Errorf("not found: %v. Install them: sudo %s", gone, m.containers.byHand)
		}
		b.Say("not found: %v; installing with %s", gone, m.command)
		if err := m.containers.install(ctx, b); err != nil {
			return "", fmt.Errorf("install %v (by hand: %s): %w", gone, m.containers.byHand, err)
		}
		if gone := missing(containerTools); len(gone) > 0 {
			return "", fmt.Errorf("%s installed no %v", m.command, gone)
		}
		return exec.LookPath(name)
	}
	return "", fmt.Errorf("not found: %v. Install buildah, podman and runc, and put them on PATH", gone)
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
