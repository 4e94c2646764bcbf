// Package sweep orchestrates what is done for the whole fleet every few minutes: which certificates' CAs are asked when
// to renew, whose targets are checked, which secrets are resealed, and which forgotten DNS records are removed. A
// Temporal Schedule starts it.
//
// It decides nothing about a certificate: steps do, and store it; then they notify the certificate's own workflow.
package sweep
