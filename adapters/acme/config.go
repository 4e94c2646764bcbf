package acme

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"time"

	"everleaf/adapters/internal/answer"
	"everleaf/adapters/internal/kinds"
	"everleaf/adapters/internal/problems"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	userAgent = "everleaf"
	// defaultTimeout is far more than a CA needs for one answer, and no longer than a worker's slot is held for any
	// wait.
	defaultTimeout = 10 * time.Second
)

// Config is one configured issuer.
type Config struct {
	// Issuer is the name that specs use.
	Issuer string
	// Directory is the CA's directory URL (RFC 8555 §7.1.1); https only (§6.1).
	Directory string
	// Email is the account's contact. If it differs from what the CA was sent last, the CA is sent it on the next use
	// (RFC
	// 8555 §7.3.2). Empty leaves the CA with what it has.
	Email string
	// EAB binds a new account to one that the CA's customer has there already (§7.3.4); the zero value for none.
	EAB EAB
	// OnlyReturnExisting makes no account: one that the CA does not know by a stored key is a fault.
	OnlyReturnExisting bool
	// CABundle is the path of a PEM file with the roots that the CA's own server certificate is checked against;
	// empty means the system's roots.
	CABundle string
	// Timeout bounds each call, retries of rejected nonces included; zero means 10 s.
	Timeout time.Duration
	// Source is where the issuer was written down, for messages: "everleaf.yaml: issuers[1]"; empty for the flags.
	Source string
	// Wrap is put around what carries requests to the CA, to watch them; nil for nothing.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// New checks the settings and makes the CA. It does not contact the CA: one that is down must not keep a worker from
// starting. Faults: Operator "InvalidSetting", which names the setting and its value.
func New(config Config, accounts ports.Accounts, sealer ports.Sealer, logger *slog.Logger) (*CA, error) {
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	roots, err := config.roots()
	if err != nil {
		return nil, config.located(err)
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	// All calls go to one host; the default of two idle connections would mean a TLS handshake for most of them.
	base.MaxIdleConnsPerHost = 32
	network := answer.NoUpgrade(base)
	if config.Wrap != nil {
		network = config.Wrap(network)
	}
	return &CA{
		config:   config,
		accounts: accounts,
		sealer:   sealer,
		logger:   logger.With("issuer", config.Issuer),
		wire:     &transport{next: network},
		circuit:  newCircuit(),
	}, nil
}

// Describe is the issuer as a process shows it, without credentials and the contact.
func (c Config) Describe() ports.ProcessIssuer {
	settings := ports.Settings{"caBundle": c.CABundle}
	if c.OnlyReturnExisting {
		settings["onlyReturnExisting"] = "true"
	}
	return ports.ProcessIssuer{Name: c.Issuer, Directory: c.publicDirectory(), Settings: kinds.Given(settings)}
}

// publicDirectory is the directory's URL without a query, which may hold a credential.
func (c Config) publicDirectory() string {
	directory, _, _ := strings.Cut(c.Directory, "?")
	return directory
}

// Validate is what New refuses, for a process that wants to know before it makes anything. It reads the CA bundle.
func (c Config) Validate() error {
	_, roots := c.roots()
	var found []error
	for _, p := range problems.Each(problems.Join(c.check(), roots)) {
		found = append(found, c.located(p))
	}
	return problems.Join(found...)
}

func (c Config) check() error {
	var name, timeout, email error
	if !domain.IsConfiguredName(c.Issuer) {
		name = invalid("issuer", c.Issuer, `use 1 to 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit`)
	}
	if c.Timeout < 0 {
		timeout = invalid("acme-timeout", c.Timeout.String(), "it is negative; use for example 30s")
	}
	if address, err := mail.ParseAddress(c.Email); c.Email != "" && (err != nil || address.Address != c.Email) {
		email = invalid("acme-email", c.Email, "use a plain address such as ops@example.org")
	}
	return problems.Join(name, c.checkDirectory(), timeout, c.EAB.check(c.Issuer), email)
}

func (c Config) checkDirectory() error {
	switch directory, err := url.Parse(c.Directory); {
	case strings.Contains(c.Directory, "@"): // also where it cannot be parsed, so it is not shown
		return invalid("acme-directory", "…", "it must not hold a user name or password")
	case err != nil || directory.Scheme != "https" || directory.Host == "" || directory.Fragment != "":
		return invalid("acme-directory", c.publicDirectory(),
			"it is not an https URL without fragment; use the one that the CA publishes")
	}
	return nil
}

func (c Config) roots() (*x509.CertPool, error) {
	if c.CABundle == "" {
		return nil, nil
	}
	bundle, err := os.ReadFile(c.CABundle)
	if err != nil {
		return nil, invalid("acme-ca-bundle", c.CABundle, "it cannot be read ("+err.Error()+
			"); correct the path, or leave it out for the system's roots")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, invalid("acme-ca-bundle", c.CABundle,
			"it holds no PEM certificate; name a file with the roots of the CA's own web server")
	}
	return roots, nil
}

// refused is a setting that cannot work, by the name of its flag.
type refused struct{ flag, value, fix string }

func (r *refused) Error() string { return r.flag + ": " + r.fix }

func invalid(flag, value, fix string) error { return &refused{flag, value, fix} }

// fields are what the flags' settings are called in a configuration file.
var fields = map[string]string{
	"issuer": "name", "acme-directory": "directory", "acme-email": "email", "acme-ca-bundle": "caBundle",
	"acme-timeout": "timeout",
}

// located makes the fault, which names a setting as people gave it: the flag and its variable, or the field in the
// file.
func (c Config) located(err error) error {
	r, ok := errors.AsType[*refused](err)
	if !ok {
		return err
	}
	name := "--" + r.flag + " (EVERLEAF_" + strings.ToUpper(strings.ReplaceAll(r.flag, "-", "_")) + ")"
	if c.Source != "" {
		name = c.Source + "." + fields[r.flag]
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil, "%s %q cannot work: %s", name,
		r.value,
		r.fix)
}
