package tools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
)

// stall is how long a download may go without a byte before it is given up.
const stall = 15 * time.Second

// temporal finds the Temporal CLI, whose dev server the stack runs: on PATH, in the box, by download, from source.
func (b *Box) temporal(ctx context.Context) (string, error) {
	if path, err := exec.LookPath("temporal"); err == nil {
		if err := exec.CommandContext(ctx, path, "--version").Run(); err == nil {
			return filepath.Abs(path)
		}
		b.Say("%s does not run: looking elsewhere", path)
	}
	file := "temporal-" + temporalVersion
	if os.Getenv("CI") == "" {
		path, err := b.kept(ctx, file, func(scratch string) (string, error) { return b.download(ctx, scratch, stall) })
		if err == nil || ctx.Err() != nil {
			return path, err
		}
		b.Say("  no download: %v", err)
	}
	return b.installed(ctx, file, "github.com/temporalio/cli/cmd/temporal", temporalVersion, 5*time.Minute)
}

// download has the SDK fetch the CLI into scratch, as long as bytes keep coming.
//
// The SDK would also start the server, outside our supervision. With --help the process prints its help and is gone;
// the SDK is made to stop waiting for it as soon as the binary is in place.
func (b *Box) download(ctx context.Context, scratch string, stall time.Duration) (string, error) {
	b.Say("downloading the Temporal CLI %s (given up if nothing comes for %s)", temporalVersion, stall)
	defer b.during("downloading the Temporal CLI",
		func() string { return fmt.Sprintf("%d MB", bytesIn(scratch)>>20) })()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	binary := filepath.Join(scratch, "temporal-cli-"+temporalVersion)
	arrived := errors.New("arrived")
	go func() {
		size, last := int64(0), time.Now()
		for ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond)
			if executable(binary) {
				cancel(arrived)
			}
			if now := bytesIn(scratch); now != size {
				size, last = now, time.Now()
			} else if time.Since(last) > stall {
				cancel(fmt.Errorf("nothing came for %s", stall))
			}
		}
	}()
	devNull, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = devNull.Close() }()
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		CachedDownload: testsuite.CachedDownload{Version: temporalVersion, DestDir: scratch},
		ClientOptions:  &client.Options{Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))},
		ExtraArgs:      []string{"--help"},
		Stdout:         devNull, Stderr: devNull,
	})
	if server != nil {
		_ = server.Stop()
	}
	if executable(binary) {
		return binary, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return "", fmt.Errorf("download the Temporal CLI: %w", err)
}

func bytesIn(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}
