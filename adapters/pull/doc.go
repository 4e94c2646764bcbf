// Package pull touches the clients that come and fetch: over TLS it serves certificates in service, by name and by SNI,
// to clients with their own certificate, and keys to the receivers of webhooks for a one-time token.
package pull
