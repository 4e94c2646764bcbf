// Package program runs programs of the operator's: without a shell, for a limited time, in an environment of its own,
// and with what they say at the end kept for a message. It is what the adapters that run programs have in common.
package program
