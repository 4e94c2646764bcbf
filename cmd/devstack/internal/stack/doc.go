// Package stack runs: Postgres, a Temporal dev server, Pebble with its DNS server, and Everleaf's worker on them, all
// on 127.0.0.1, as children that end with this process.
package stack
