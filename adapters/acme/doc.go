// Package acme touches ACME CAs (RFC 8555, RFC 9773): it turns the port's calls into single, bounded attempts.
//
// The requests are signed and sent by acmez's low-level client. Where that client would poll, sleep or fetch more
// than was asked for, transport.go and directory.go keep it from doing so: waiting belongs to the workflow. Not done
// here: the choice among alternate chains.
package acme
