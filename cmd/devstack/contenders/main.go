package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Job is what to obtain, and from where.
type Job struct {
	// Directory is the CA's, CABundle the file with the root of its TLS certificate, Listen the address for HTTP-01.
	Directory, CABundle, Listen string
	// Count certificates of one name each, at most InFlight at once.
	Count, InFlight int
	// Dir is an empty directory for what the client keeps.
	Dir string
}

// Result is what that took after the account was registered and a first certificate obtained, in nanoseconds: CPU is
// the process's user and system time.
type Result struct {
	Took, CPU time.Duration
}

// client obtains a certificate for one name.
type client func(ctx context.Context, name string) error

var clients = map[string]func(ctx context.Context, job Job, roots *x509.CertPool) (client, error){
	"certmagic": newCertMagic,
	"bare":      newBare,
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "contenders: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var job Job
	if len(os.Args) != 2 || clients[os.Args[1]] == nil {
		return fmt.Errorf("want one argument, certmagic or bare, got %q", os.Args[1:])
	}
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	bundle, err := os.ReadFile(job.CABundle)
	if err != nil {
		return fmt.Errorf("read the CA's root: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return fmt.Errorf("no certificate in %s", job.CABundle)
	}
	obtain, err := clients[os.Args[1]](ctx, job, roots)
	if err != nil {
		return err
	}
	result, err := race(ctx, job, os.Args[1], obtain)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// race obtains the certificates, each of a name that nobody had before.
func race(ctx context.Context, job Job, prefix string, obtain client) (Result, error) {
	run := fmt.Sprintf("%s-%x", prefix, time.Now().UnixNano())
	if err := obtain(ctx, run+"-warm.example.test"); err != nil {
		return Result{}, err
	}
	started, before := time.Now(), cpu()
	var group errgroup.Group
	group.SetLimit(job.InFlight)
	for i := range job.Count {
		group.Go(func() error { return obtain(ctx, fmt.Sprintf("%s-%d.example.test", run, i)) })
	}
	err := group.Wait()
	return Result{Took: time.Since(started), CPU: cpu() - before}, err
}

func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
