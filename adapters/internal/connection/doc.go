// Package connection touches the Temporal server to see whether it is there, and says in faults why not: what the
// worker's start and the callers' client have in common.
package connection
