package delivery

import (
	"everleaf/adapters/internal/kinds"
	"everleaf/ports"
)

// Config is one configured target: the table of the kinds there are. Exactly one of its pointers, each to a Kind, is
// set.
type Config struct {
	// Name is what specs call the target by: 1 to 63 of a-z, 0-9 and "-".
	Name      string     `json:"name"`
	Directory *Directory `json:"directory,omitempty"`
	Webhook   *Webhook   `json:"webhook,omitempty"`
	Pull      *Pull      `json:"pull,omitempty"`
	// Exec runs a program of yours for each delivery and removal, which gets JSON and answers by its exit code: see
	// extending.md.
	Exec *Exec `json:"exec,omitempty"`
	// Source is where the target stands ("targets[0]"), for errors; empty for its place in the list.
	Source string `json:"-"`
}

// Kind are the settings of one kind of target. A new kind is a file with a type that has these methods, and a field of
// Config.
type Kind interface {
	// Check says all that is wrong with the settings (problems.Join), each from the field on (".directory.path …"). It
	// reads files that they name, and touches nothing else. A kind that runs programs also has Missing: see
	// Config.Missing.
	Check() error
	// Fetched reports whether what the target offers is fetched from the pull listener.
	Fetched() bool
	// Target makes the target called name from settings that Check has passed; it contacts nobody. Errors are as
	// Check's.
	Target(name string, deps Deps) (ports.Target, error)
}

// Kind is the one kind that is set, and what the file calls it.
func (c Config) Kind() (name string, kind Kind, err error) { return kinds.Of[Kind](c) }

// Directory writes files where a server reads them.
type Directory struct {
	// Path is the directory of one certificate; "{name}" stands for the certificate's name and must be in it.
	Path string `json:"path"`
	// Owner is who the files are given to: "user", "user:group" or numbers; empty means the worker's own user.
	Owner string `json:"owner,omitempty"`
	// Combined is the name of a further file that holds chain and key together, as HAProxy reads them; empty for none.
	Combined string `json:"combined,omitempty"`
	// Command is run after a change, without a shell, where "{name}" and "{path}" stand for the certificate's name and
	// directory; empty for none.
	Command []string `json:"command,omitempty"`
	// RemoveCommand is run in place of command after a certificate's files were removed; empty for none.
	RemoveCommand []string `json:"removeCommand,omitempty"`
	// Timeout bounds each of the commands, as "30s", at most a minute; empty means a minute.
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
	// URL is where messages go, https; "{name}" in its path or query stands for the certificate's name.
	URL string `json:"url"`
	// Secret signs messages: "whsec_" and base64 of 24 to 64 bytes. While it is being changed, give the old and the new
	// one with a space between.
	Secret string `json:"secret"`
	// Key is how the private key travels; empty means token.
	Key KeyTransport `json:"key,omitempty"`
	// Recipient is the age recipient ("age1…") that the key is encrypted to, with key: encrypted alone; empty for none.
	Recipient string `json:"recipient,omitempty"`
	// TokenURL is the base URL of the pull listener as the receiver sees it, required with key: token; empty for none.
	TokenURL string `json:"tokenURL,omitempty"`
	// CABundle is the path of a PEM file with the roots of the receiver's server certificate; empty means the system's.
	CABundle string `json:"caBundle,omitempty"`
	// Timeout bounds one call, as "30s", at most a minute; empty means 30 seconds.
	Timeout string `json:"timeout,omitempty"`
}

// Pull lets clients fetch certificates that name this target.
type Pull struct {
	// Clients are the DNS names or URIs in the client certificates that may fetch, or the common names of those without
	// a subject alternative name; "*" stands for every client whose certificate the listener's client CA has signed.
	Clients []string `json:"clients"`
}
