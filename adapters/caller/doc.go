// Package caller touches the certificates' workflows for other services written in Go: it asks for certificates and
// looks at them, over a Temporal client that the service has already.
//
// It needs Temporal's SDK and the rooms ports and domain, and nothing else of Everleaf: no database, no key and no CA
// settings. Services in other languages send the same JSON; services in other namespaces use the Nexus service.
//
// A service depends on the interface Certificates; package callertest has a fake of it, and a mock.
//
// # Errors
//
// Every error is a *Fault, found by errors.As, unless the caller's own context ended: then it is the context's error
// and the workflow goes on. Where its deadline passed since nobody polls the task queue, it is both: a Wait fault
// "NoWorker" that wraps the context's error. The fault's kind says whose move is next:
//
//	Spec         the caller's: the spec, the name or the reason can never work as it is
//	Name         the domain owner's: DNS, CAA, or a web server that answers the challenge wrongly
//	Operator     the operator's of Everleaf or of Temporal: accounts, keys, permissions, unknown issuers
//	CA           the CA's: it fails; Everleaf tries again by itself
//	RateLimited  nobody's: the CA asked to wait, Everleaf does
//	Wait         nobody's: something is not there yet (a worker, the server, a challenge that is not visible yet)
//
// A problem is no end: the workflow tries again, and a later Status or Ensure shows how it went. Reason is a stable
// word for programs, Message names the thing, the value and the fix for people.
package caller
