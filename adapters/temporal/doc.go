// Package temporal touches the Temporal server as a client and as a worker's host: it dials, waits until the server
// is there, builds the worker, and keeps the microservice's contract (Ensure, Renew, Status) for callers in Go.
//
// It registers no workflow and no activity; that is adapters/activities' and app/lifecycle's part.
package temporal
