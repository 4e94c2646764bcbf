// Package dns01test touches real name servers for tests: it starts BIND as the authoritative server of a few zones,
// which answers for them as a resolver does, on a free port of 127.0.0.1.
//
// BIND's program, named, is found by EVERLEAF_TEST_NAMED, or else by the devstack in EVERLEAF_TEST_DEVSTACK, which
// installs it. Every test owns its server.
package dns01test
