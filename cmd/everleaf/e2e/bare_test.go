package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// bareWork is the environment variable that turns the test binary into a bare ACME client, so that its CPU is
// measured as a process of its own, as the worker's is.
const bareWork = "EVERLEAF_BENCH_BARE"

// bareJob is what the bare client is to do.
type bareJob struct {
	Directory, CABundle, Listen string
	Count, InFlight             int
}

// tokens answers HTTP-01 from memory.
type tokens struct{ sync.Map }

func (k *tokens) Present(_ context.Context, c acme.Challenge) error {
	k.Store(c.HTTP01ResourcePath(), c.KeyAuthorization)
	return nil
}

func (k *tokens) CleanUp(_ context.Context, c acme.Challenge) error {
	k.Delete(c.HTTP01ResourcePath())
	return nil
}

func (k *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if answer, ok := k.Load(r.URL.Path); ok {
		_, _ = fmt.Fprint(w, answer)
		return
	}
	http.NotFound(w, r)
}

// runBare obtains the certificates with nothing but the ACME library: no store, no durability.
func runBare(work string) int {
	var job bareJob
	if err := json.Unmarshal([]byte(work), &job); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	answers := &tokens{}
	go func() {
		_ = (&http.Server{Addr: job.Listen, Handler: answers, ReadHeaderTimeout: time.Second}).ListenAndServe()
	}()
	client := acmez.Client{
		Client: &acme.Client{Directory: job.Directory, HTTPClient: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: poolOf(&testing.B{}, job.CABundle)}, MaxIdleConnsPerHost: job.InFlight,
		}}},
		ChallengeSolvers: map[string]acmez.Solver{acme.ChallengeTypeHTTP01: answers},
	}
	ctx := context.Background()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		_, err = client.NewAccount(ctx, acme.Account{TermsOfServiceAgreed: true, PrivateKey: key})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	account, err := client.GetAccount(ctx, acme.Account{PrivateKey: key})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	failed := inFlight(job.Count, job.InFlight, func(i int) error {
		leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		_, err = client.ObtainCertificateForSANs(ctx, account, leaf, []string{fmt.Sprintf("bare-%d.example.test", i)})
		return err
	})
	if failed != nil {
		fmt.Fprintln(os.Stderr, failed)
		return 1
	}
	return 0
}

// inFlight runs n jobs, at most limit at once, and returns the first error.
func inFlight(n, limit int, job func(i int) error) (failed error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := job(i); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if failed == nil {
					failed = err
				}
			}
		})
	}
	group.Wait()
	return failed
}
