// Package domain decides: pure rules and types about certificates, names, orders, renewal and failure.
//
// Every decision is a function of a snapshot (now, facts, a random fraction) that returns a named result with a
// stable reason and a message for people. No function here takes a context, reads a clock, draws a random number
// or does I/O; so each rule is tested by a table. Steps call them, and their answers are recorded: workflow code uses
// the types and constants and calls no function, but for those of package lifecycle.
package domain
