// Package lifecycle executes one certificate's life: the Certificate workflow, one execution per certificate, which
// ends when the certificate is retired.
//
// It decides nothing: the machine of domain/lifecycle names each action, steps (package ports) carry it out, and their
// recorded answers bring in the policy. What this package adds is what Temporal does: steps, timers, updates, the
// query, signals, and the hand-over to the next run.
//
// Everything here, in domain/lifecycle and in domain/fields is replayed: package app/replaytest says how to change it.
package lifecycle
