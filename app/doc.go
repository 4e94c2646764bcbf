// Package app orchestrates: it assembles adapters into the worker process and into what the command line needs. It
// is the one place that imports adapters; the workflows are in app/lifecycle, app/sweep and app/nexus.
//
// cmd imports this package and no other of ours, so the types that it shows to people have aliases here.
package app
