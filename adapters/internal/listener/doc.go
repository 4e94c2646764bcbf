// Package listener touches the network as a server: how the adapters that answer over HTTP bind an address, answer
// there and end without cutting an answer off.
package listener
