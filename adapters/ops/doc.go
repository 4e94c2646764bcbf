// Package ops serves probes and monitoring: over HTTP it reports whether the process lives (/livez), whether it can
// work (/readyz, one line a check), and what it counts (/metrics).
//
// It listens from before the first wait of a start until after the last step of a stop. Not done here: the checks
// themselves, which belong to the adapters that know what is checked. What is said names addresses, not secrets; the
// listener is for the platform's own network all the same.
package ops
