// Package nexus orchestrates what a caller in another namespace asked for: one short-lived workflow an operation, which
// finds the certificate's workflow, asks it, and ends with its answer.
//
// It is replayed: everything from outside reaches it through a step.
package nexus
