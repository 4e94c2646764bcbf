// Package delivery touches the places where certificates are used: directories, webhooks, programs,
// and clients that come and pull.
package delivery
