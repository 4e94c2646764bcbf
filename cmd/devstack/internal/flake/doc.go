// Package flake counts, over many runs of the tests, how often each was run and failed, and how long it took at most.
package flake
