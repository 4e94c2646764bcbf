// Package e2e tests the shipped binary on the whole stack: a real Temporal server, a real Postgres and a real ACME
// CA. Faults are made from outside, by a proxy in front of the CA, by locks in Postgres and by kill -9; the binary
// holds nothing for tests.
package e2e
