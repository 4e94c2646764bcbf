package app

import (
	"log/slog"

	"everleaf/adapters/acme"
	"everleaf/adapters/configfile"
	"everleaf/ports"
)

// Issuer is one configured CA.
type Issuer = acme.Config

// LetsEncrypt is the directory of the CA that is taken where none is chosen.
const LetsEncrypt = configfile.LetsEncrypt

// newIssuers makes the configured CAs; it contacts none of them.
func newIssuers(config Config, accounts ports.Accounts, sealer ports.Sealer,
	logger *slog.Logger) (*acme.Issuers, error) {
	var cas []*acme.CA
	for _, issuer := range config.Issuers {
		ca, err := acme.New(issuer, accounts, sealer, logger)
		if err != nil {
			return nil, err
		}
		cas = append(cas, ca)
	}
	return acme.NewIssuers(cas...), nil
}

// issuerNames are what specs call the issuers, as configured.
func (c Config) issuerNames() []string {
	var names []string
	for _, issuer := range c.Issuers {
		names = append(names, issuer.Issuer)
	}
	return names
}

// logZones says which DNS zones records may be written into, and through whom. Credentials stay out of it.
func (c Config) logZones(logger *slog.Logger) {
	for _, zone := range c.DNS01.Zones {
		_, kind, err := zone.Kind()
		if err != nil {
			continue // validate has said so
		}
		logger.Info("DNS zone configured", "zone", zone.Zone, "through", kind.Through())
	}
}

// logIssuers says which CA each name stands for. Credentials stay out of it.
func (c Config) logIssuers(logger *slog.Logger) {
	for _, issuer := range c.Issuers {
		logger.Info("issuer configured", "issuer", issuer.Issuer, "directory", issuer.Directory, "eab",
			issuer.EAB.KeyID != "")
	}
}
