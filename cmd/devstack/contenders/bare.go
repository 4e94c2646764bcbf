package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

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

// newBare is nothing but the ACME library: no store, no durability.
func newBare(ctx context.Context, job Job, roots *x509.CertPool) (client, error) {
	listener, err := net.Listen("tcp", job.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP-01: %w", err)
	}
	answers := &tokens{}
	go func() { _ = (&http.Server{Handler: answers, ReadHeaderTimeout: time.Second}).Serve(listener) }()
	library := acmez.Client{
		Client: &acme.Client{Directory: job.Directory, HTTPClient: &http.Client{Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: job.InFlight,
		}}},
		ChallengeSolvers: map[string]acmez.Solver{acme.ChallengeTypeHTTP01: answers},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the account's key: %w", err)
	}
	account, err := library.NewAccount(ctx, acme.Account{TermsOfServiceAgreed: true, PrivateKey: key})
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	return func(ctx context.Context, name string) error {
		leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return fmt.Errorf("make a key: %w", err)
		}
		_, err = library.ObtainCertificateForSANs(ctx, account, leaf, []string{name})
		return err
	}, nil
}
