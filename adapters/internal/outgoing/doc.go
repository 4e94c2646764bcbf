// Package outgoing refuses connections to addresses that only look like somebody else's.
//
// The owner of a name decides where it leads, and where its web server redirects to. A process that follows may be led
// into its own network: to itself, to a neighbour that trusts it, to the cloud's metadata service with its credentials.
// What counts is the address at the instant of the connection, after each look-up of the name.
package outgoing
