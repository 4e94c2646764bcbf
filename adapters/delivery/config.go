package delivery

import (
	"everleaf/adapters/internal/kinds"
	"everleaf/ports"
)

// Config is one configured target: the table of the kinds there are. Exactly one of its pointers, each to a Kind, is
// set.
type Config struct {
	// Name is what specs call it by.
	Name      string     `json:"name"`
	Directory *Directory `json:"directory,omitempty"`
	Webhook   *Webhook   `json:"webhook,omitempty"`
	Pull      *Pull      `json:"pull,omitempty"`
	Exec      *Exec      `json:"exec,omitempty"`
	// Source is where the target stands ("targets[0]"), for errors; empty for its place in the list.
	Source string `json:"-"`
}

// Kind are the settings of one kind of target. A new kind is a file with a type that has these methods, and a field of
// Config.
type Kind interface {
	// Check says what is wrong with the settings, from the field on (".directory.path …"), and touches nothing.
	Check() error
	// Fetched reports whether what the target offers is fetched from the pull listener.
	Fetched() bool
	// Target makes the target called name from settings that Check has passed; it contacts nobody. Errors are as Check's.
	Target(name string, deps Deps) (ports.Target, error)
}

// Kind is the one kind that is set, and what the file calls it.
func (c Config) Kind() (name string, kind Kind, err error) { return kinds.Of[Kind](c) }

// Directory writes files where a server reads them.
type Directory struct {
	// Path is the directory of one certificate; "{name}" stands for the certificate's name and must be in it.
	Path string `json:"path"`
	// Owner is "user", "user:group" or numbers; empty leaves the worker's own.
	Owner string `json:"owner,omitempty"`
	// Combined is the name of a further file that holds chain and key together, as HAProxy reads them; empty for none.
	Combined string `json:"combined,omitempty"`
	// Command is run after a change, without a shell; "{name}" and "{path}" stand for the certificate's name and
	// directory.
	Command []string `json:"command,omitempty"`
	// Timeout bounds the command, as "30s"; empty means a minute.
	Timeout string `json:"timeout,omitempty"`
}

// KeyTransport is how a webhook's receiver gets the private key.
type KeyTransport string

const (
	// KeyByToken has the receiver fetch it once, with a token that the webhook carries.
	KeyByToken KeyTransport = "token"
	// KeyEncrypted carries it encrypted to the receiver's age recipient.
	KeyEncrypted KeyTransport = "encrypted"
	// KeyPlain carries it in the clear inside TLS; it has to be asked for.
	KeyPlain KeyTransport = "plain"
	// KeyNone carries none.
	KeyNone KeyTransport = "none"
)

// Webhook sends certificates to a URL, signed by the Standard Webhooks scheme.
type Webhook struct {
	// URL is https; "{name}" stands for the certificate's name.
	URL string `json:"url"`
	// Secret signs: "whsec_" and base64.
	Secret string `json:"secret"`
	// Key is how the private key travels; empty means token.
	Key KeyTransport `json:"key,omitempty"`
	// Recipient is the age recipient ("age1…") for KeyEncrypted.
	Recipient string `json:"recipient,omitempty"`
	// TokenURL is the base URL of this service's pull listener as the receiver sees it, for KeyByToken.
	TokenURL string `json:"tokenURL,omitempty"`
	// CABundle is a PEM file with the roots of the receiver's server certificate; empty means the system's.
	CABundle string `json:"caBundle,omitempty"`
	// Timeout bounds a call, as "30s"; empty means 30 seconds.
	Timeout string `json:"timeout,omitempty"`
}

// Pull lets clients fetch certificates that name this target.
type Pull struct {
	// Clients are the DNS names, URIs or common names in the client certificates that may fetch; "*" stands for every
	// client whose certificate the listener's client CA has signed.
	Clients []string `json:"clients"`
}
