package acme

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"everleaf/domain"
)

const (
	// unanswered is how many calls in a row must time out before a CA counts as one that does not answer.
	unanswered = 3
	// probeAfter is the pause between two calls that find out whether it answers again.
	probeAfter = 5 * time.Second
)

// circuit spares callers the wait for a CA that answers nothing: each call would hold a worker's slot until it times
// out, and so those of certificates of other CAs behind it. It opens after a few time-outs in a row. Then calls fail at
// once, but for one at a time, and the first answer closes it, whatever it says: a CA that refuses or fails holds
// nobody up.
type circuit = gobreaker.CircuitBreaker[struct{}]

func newCircuit() *circuit {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1, Timeout: probeAfter,
		ReadyToTrip:  func(calls gobreaker.Counts) bool { return calls.ConsecutiveFailures >= unanswered },
		IsSuccessful: func(err error) bool { return !timedOutAtCA(err) },
		IsExcluded:   notFromCA,
	})
}

func timedOutAtCA(err error) bool {
	fault, ok := errors.AsType[*domain.Fault](err)
	return ok && fault.Reason == domain.ReasonTimeout
}

// notFromCA reports whether an error says nothing about the CA: the caller gave up, or a part of ours was not
// available.
func notFromCA(err error) bool {
	fault, ok := errors.AsType[*domain.Fault](err)
	return ok && fault.Kind == domain.FaultWait || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded)
}

// through makes a call unless the circuit is open. A call that times out while it is open is one of those that found
// out: its fault is the same as that of the calls that were not made.
func (ca *CA) through(what string, call func() error) error {
	_, err := ca.circuit.Execute(func() (struct{}, error) { return struct{}{}, call() })
	switch {
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return domain.NewFault(domain.FaultCA, domain.ReasonNotAnswering, nil,
			"issuer %q: %s: not tried, since the CA has not answered its last calls at all", ca.config.Issuer, what)
	case timedOutAtCA(err) && ca.circuit.State() != gobreaker.StateClosed:
		return domain.NewFault(domain.FaultCA, domain.ReasonNotAnswering, nil, "%s, like the calls before",
			domain.AsFault(err).Message)
	default:
		return err
	}
}
