// Package delivery touches the places where certificates are used: directories, webhooks, and clients that come and
// pull.
package delivery
