// Package temporal touches the Temporal server as a client and as a worker's host: it dials, waits until the server
// is there, and builds the worker. What callers do is adapters/caller's part.
//
// It registers no workflow and no activity; that is adapters/activities' and app/lifecycle's part.
package temporal
