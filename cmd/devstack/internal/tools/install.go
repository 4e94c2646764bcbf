package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"everleaf/cmd/devstack/internal/proc"
)

// packageManager knows how a system installs the Postgres server with its contrib modules, and what builds and runs
// containers.
type packageManager struct {
	command  string
	postgres how
	// containers installs buildah, podman and runc.
	containers how
	// webServers installs nginx and HAProxy, without starting them.
	webServers how
	// nameServer installs BIND, without starting it.
	nameServer how
}

// how is one way to install something.
type how struct {
	byHand  string
	install func(context.Context, *Box) error
}

var packageManagers = []packageManager{
	{"apt-get",
		how{"apt-get install postgresql", aptInstall},
		// Recommended packages would bring networks and user namespaces, which root on the host's network needs not.
		how{"apt-get install buildah podman runc", func(ctx context.Context, b *Box) error {
			if err := b.system(ctx, "apt-get", "update", "-q"); err != nil {
				return err
			}
			return b.system(ctx, "apt-get", "install", "-qy", "--no-install-recommends", "buildah", "podman", "runc")
		}},
		aptInstallServers("nginx", "haproxy"), aptInstallServers("bind9")},
	{"dnf", plain("dnf", "install", "-y", "postgresql-server", "postgresql-contrib"),
		plain("dnf", "install", "-y", "buildah", "podman", "runc"), plain("dnf", "install", "-y", "nginx", "haproxy"),
		plain("dnf", "install", "-y", "bind")},
	{"apk", plain("apk", "add", "postgresql", "postgresql-contrib"), plain("apk", "add", "buildah", "podman", "runc"),
		plain("apk", "add", "nginx", "haproxy"), plain("apk", "add", "bind")},
}

// plain installs with a single command.
func plain(command string, args ...string) how {
	byHand := strings.Join(append([]string{command},
		slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-y" })...), " ")
	return how{byHand, func(ctx context.Context, b *Box) error { return b.system(ctx, command, args...) }}
}

// clusterConf is where Debian's postgresql-common reads whether installing a server also creates a database
// cluster and starts it at boot (pg_createcluster(1)).
const clusterConf = "/etc/postgresql-common/createcluster.conf"

// aptInstall installs the server without the cluster that Debian would create and start: the stack makes its own.
// The setting is put back afterwards.
func aptInstall(ctx context.Context, b *Box) error {
	if err := b.system(ctx, "apt-get", "update", "-q"); err != nil {
		return err
	}
	if err := b.system(ctx, "apt-get", "install", "-qy", "--no-install-recommends", "postgresql-common"); err != nil {
		return err
	}
	was, err := os.ReadFile(clusterConf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", clusterConf, err)
	}
	missing := err != nil
	with := append(bytes.Clone(was), "\ncreate_main_cluster = false\n"...)
	if err := os.WriteFile(clusterConf, with, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", clusterConf, err)
	}
	defer func() {
		if missing {
			_ = os.Remove(clusterConf)
		} else {
			_ = os.WriteFile(clusterConf, was, 0o644)
		}
	}()
	return b.system(ctx, "apt-get", "install", "-qy", "--no-install-recommends", "postgresql")
}

// policy is asked by Debian's packages whether they may start what they bring (invoke-rc.d(8)).
const policy = "/usr/sbin/policy-rc.d"

// aptInstallServers installs servers without starting them: the tests start their own. A policy that is there stays.
func aptInstallServers(packages ...string) how {
	return how{"apt-get install " + strings.Join(packages, " "),
		func(ctx context.Context, b *Box) error { return aptInstallStopped(ctx, b, packages) }}
}

func aptInstallStopped(ctx context.Context, b *Box, packages []string) error {
	if err := b.system(ctx, "apt-get", "update", "-q"); err != nil {
		return err
	}
	f, err := os.OpenFile(policy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err == nil {
		defer func() { _ = os.Remove(policy) }()
		_, err = f.WriteString("#!/bin/sh\nexit 101\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: %w", policy, err)
	}
	return b.system(ctx, "apt-get", append([]string{"install", "-qy", "--no-install-recommends"}, packages...)...)
}

// system runs a package manager's command and waits for its end.
func (b *Box) system(ctx context.Context, command string, args ...string) error {
	out := &progress{}
	c, err := b.Procs.Start(proc.Spec{Name: command, Path: command, Args: args, Dir: "/",
		Env: append(os.Environ(), "DEBIAN_FRONTEND=noninteractive"), Stdout: out, Stderr: out})
	if err != nil {
		return err
	}
	defer b.during(command+" "+args[0], out.last)()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.Done():
		if c.Err() != nil {
			return fmt.Errorf("%s %v: %w\n%s", command, args, c.Err(), out.tail())
		}
		return nil
	}
}
