// Package acmetest touches real CAs for tests: it starts Pebble with its own DNS server, and step-ca, each on free
// ports.
//
// The binaries are found by EVERLEAF_TEST_PEBBLE, EVERLEAF_TEST_CHALLTESTSRV and EVERLEAF_TEST_STEP_CA. Every test owns
// its CA; the processes end with the test, and on Linux also with a test process that is killed.
package acmetest
