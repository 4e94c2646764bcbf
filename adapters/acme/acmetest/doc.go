// Package acmetest touches a real CA for tests: it starts Pebble with its own DNS server, each on free ports.
//
// The binaries are found by EVERLEAF_TEST_PEBBLE and EVERLEAF_TEST_CHALLTESTSRV. Every test owns its CA; the processes
// end with the test, and on Linux also with a test process that is killed.
package acmetest
