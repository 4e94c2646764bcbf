package acme

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"golang.org/x/sync/singleflight"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.CA = (*CA)(nil)

const (
	// nonceRounds is how often an attempt lets acmez try with ten nonces.
	nonceRounds = 3
	// nonceRound is more than that takes: ten requests with pauses of 250 ms.
	nonceRound = 5 * time.Second
)

// CA is one ACME CA under one account. It is safe for concurrent use.
type CA struct {
	config   Config
	accounts ports.Accounts
	sealer   ports.Sealer
	logger   *slog.Logger
	wire     *transport
	circuit  *circuit

	// flights lets concurrent first calls share one directory request and one registration.
	flights singleflight.Group

	mu      sync.Mutex
	known   *knownDirectory
	account *held
	// lost is the URL of an account that the CA said it does not have.
	lost string
	// contactsSent counts how often a contact was sent that no command asked for.
	contactsSent int
}

// session is what one attempt works with.
type session struct {
	*acme.Client
	known     *knownDirectory
	directory acme.Directory
	account   acme.Account
	exchange  *exchange
}

// attempt runs do as one bounded attempt under the account, and interprets its error. what names the attempt for
// people. acmez gives up after ten rejected nonces in a row: while there is time, it begins again, since a nonce that
// was rejected has done nothing (RFC 8555 §6.5) and a whole issuance needs some ten that are not. If the CA says that
// it does not have the account, the same key is registered again; if it refuses the key because the account has another
// one by now, that one is read. Then do runs once more.
func (ca *CA) attempt(ctx context.Context, what string, do func(context.Context, *session) error) error {
	return ca.through(what, func() error { return ca.underAccount(ctx, what, do) })
}

func (ca *CA) underAccount(ctx context.Context, what string, do func(context.Context, *session) error) error {
	bounded, cancel := context.WithTimeout(ctx, ca.config.Timeout)
	defer cancel()
	deadline, _ := bounded.Deadline()
	insist := func(round int) bool { return round < nonceRounds && time.Until(deadline) > nonceRound }
	again := false
	for round := 1; ; round++ {
		known, err := ca.directory(bounded)
		if err != nil {
			return ca.interpret(ctx, what, err, nil)
		}
		account, err := ca.registered(bounded, known)
		if err != nil && domain.AsFault(err).Reason == reasonBadNonce && insist(round) {
			continue
		}
		if err != nil {
			return ca.interpret(ctx, what, err, nil)
		}
		x, err := ca.try(bounded, known, account, do)
		if isProblem(err, acme.ProblemTypeBadNonce) && insist(round) {
			continue
		}
		if !again {
			recovered, unreadable := ca.accountRecovered(bounded, known, account, err)
			if unreadable != nil {
				return ca.interpret(ctx, what, unreadable, nil)
			}
			if again = recovered; again {
				continue
			}
		}
		return ca.interpret(ctx, what, err, x)
	}
}

// attemptWithoutAccount is attempt for what needs no account.
func (ca *CA) attemptWithoutAccount(ctx context.Context, what string, do func(context.Context, *session) error) error {
	return ca.through(what, func() error {
		bounded, cancel := context.WithTimeout(ctx, ca.config.Timeout)
		defer cancel()
		known, err := ca.directory(bounded)
		if err != nil {
			return ca.interpret(ctx, what, err, nil)
		}
		x, err := ca.try(bounded, known, acme.Account{}, do)
		return ca.interpret(ctx, what, err, x)
	})
}

// try runs do once and returns what was exchanged.
func (ca *CA) try(ctx context.Context, known *knownDirectory, account acme.Account,
	do func(context.Context, *session) error) (*exchange, error) {
	tracked, x := track(ctx)
	defer x.done()
	return x, do(tracked, &session{Client: known.client, known: known, directory: known.Directory, account: account,
		exchange: x})
}

// accountRecovered reports whether the account's problem is solved, so that another try makes sense. unreadable is why
// the account that is stored by now cannot be used: the CA's own words would say nothing of that.
func (ca *CA) accountRecovered(ctx context.Context, known *knownDirectory, used acme.Account,
	err error) (recovered bool, unreadable error) {
	switch {
	case isProblem(err, acme.ProblemTypeAccountDoesNotExist):
		ca.forget(used)
		return true, nil
	case isProblem(err, acme.ProblemTypeMalformed, acme.ProblemTypeUnauthorized):
		return ca.rekeyed(ctx, known, used)
	default:
		return false, nil
	}
}

// shared runs do once for all callers that ask for key at the same time. do goes on when one of them gives up, so
// that the others do not fail for it; it is bounded by the timeout alone.
func (ca *CA) shared(ctx context.Context, key string, do func(context.Context) (any, error)) (any, error) {
	results := ca.flights.DoChan(key, func() (any, error) {
		lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), ca.config.Timeout)
		defer cancel()
		return do(lasting)
	})
	select {
	case result := <-results:
		return result.Val, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func isProblem(err error, types ...string) bool {
	var problem acme.Problem
	if !errors.As(err, &problem) {
		return false
	}
	for _, t := range types {
		if problem.Type == t {
			return true
		}
	}
	return false
}
