package pull

import (
	"time"
)

const (
	// storeTimeout bounds the look into the store and the opening of a key, waiting for a turn included.
	storeTimeout = 5 * time.Second
	// maxOpenings is how many requests look into the store and open keys at once: each costs a statement and perhaps a
	// call to a key service. Others wait for their turn.
	maxOpenings = 16
	// pageSize is how many certificates a list shows at once.
	pageSize = 1000
)

// Config holds the listener's settings.
type Config struct {
	// Listen is the setting pull-listen, for example ":8403"; empty if nothing is to be served.
	Listen string
	// Certificate and Key are the listener's own, PEM files; they are read again when they change.
	Certificate, Key string
	// ClientCA is a PEM file with the roots of client certificates; it is read again when it changes. Empty serves
	// nobody but the receivers of webhooks.
	ClientCA string
	// Clients are, for each pull target, the names in client certificates that may fetch what is delivered there; "*"
	// is every client.
	Clients map[string][]string
}
