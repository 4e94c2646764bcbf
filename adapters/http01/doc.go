// Package http01 touches the web for HTTP-01 challenges (RFC 8555 §8.3): it answers them on any replica, and looks at
// them from outside as a CA will.
//
// Tokens live in a ports.HTTPTokens, so the replica that is asked need not be the one that presented. Not done here:
// port 80 itself, which belongs to whatever routes /.well-known/acme-challenge/ to the responder.
package http01
