// Package nexus touches Temporal's Nexus: it serves the operations of ports.NexusService to callers in other
// namespaces, and holds the steps of the workflow that carries those which take their time.
//
// Status is answered in place. Ensure, Renew, Revoke and Retire start a workflow (app/nexus) whose ID comes from the
// Nexus request, so that a request which is repeated meets the workflow that carries it already.
package nexus
