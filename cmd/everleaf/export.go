package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"everleaf/app"
)

const (
	certFile = "tls.crt"
	keyFile  = "tls.key"
)

type exportCmd struct {
	nameArg
	Dir    string `required:"" placeholder:"DIR" help:"Directory for tls.crt (chain, mode 0644) and tls.key (PKCS #8, mode 0600); made with mode 0700."`
	Reason string `placeholder:"TEXT" help:"Why, for the audit: each export is an event in Postgres before the key is opened, with who asked for it."`
	postgresSettings
	sealingSettings
	startSettings
}

// Run writes the files and says what it wrote; the key goes nowhere else.
func (e exportCmd) Run(ctx context.Context, k *kit) error {
	var config app.Config
	e.postgresSettings.apply(&config)
	e.sealingSettings.apply(&config)
	e.startSettings.apply(&config)
	exported, err := k.export(ctx, config, app.ExportRequest{Name: e.Name, By: app.Asker(), Reason: e.Reason})
	if err != nil {
		return err
	}
	if err := writePair(e.Dir, exported.ChainPEM, exported.KeyPEM); err != nil {
		return fmt.Errorf("write certificate %s: %w", e.Name, err)
	}
	serial := ""
	if exported.Record.Issued != nil {
		serial = ", serial " + exported.Record.Issued.Serial
	}
	return k.print("wrote %s and %s to %s%s\n", certFile, keyFile, e.Dir, serial)
}

// writePair puts both files into dir, which is made if need be. Each appears whole or not at all, and neither is
// touched before both are written; a reader in the instant between the two renames sees the new key with the old
// chain and should look again. Nothing is written through a symbolic link, neither the directory nor the files: who
// may plant one would otherwise choose where the key goes.
func writePair(dir string, chain, key []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if info, err := os.Lstat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is a symbolic link or no directory; name the directory itself", dir)
	}
	// A root keeps to this very directory, whatever becomes of its path meanwhile.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, name := range []string{keyFile, certFile} {
		if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s in %s is not a regular file; remove it first", name, dir)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	suffix := "." + rand.Text()[:8] + ".tmp"
	defer func() {
		_ = root.Remove(keyFile + suffix) // gone already after success
		_ = root.Remove(certFile + suffix)
	}()
	if err := writeNew(root, keyFile+suffix, key, 0o600); err != nil {
		return err
	}
	if err := writeNew(root, certFile+suffix, chain, 0o644); err != nil {
		return err
	}
	return errors.Join(root.Rename(keyFile+suffix, keyFile), root.Rename(certFile+suffix, certFile))
}

// writeNew makes a file that must not be there yet, with exactly this mode, and brings it to the disk.
func writeNew(root *os.Root, name string, content []byte, mode fs.FileMode) (err error) {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Chmod(mode); err != nil { // whatever the umask
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}
