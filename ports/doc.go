// Package ports promises: the interfaces between the rules and the outside world, and the typed contracts of the
// workflow's steps. "Port" means interface, as in hexagonal architecture.
//
// The comments are the contract. MUST and SHOULD mean what RFC 2119 says. Every error that crosses a port is a
// *domain.Fault or wraps one; ctx's end is passed on as it is. No method retries by itself for longer than a few
// seconds: waiting belongs to the workflow.
package ports
