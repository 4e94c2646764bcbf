package app

import (
	"everleaf/adapters/pull"
	"everleaf/domain"
)

// pullConfig joins the listener's settings and the clients of the pull targets.
func pullConfig(c Config) pull.Config {
	c.Pull.Clients = map[string][]string{}
	for _, target := range c.Targets {
		if target.Pull != nil {
			c.Pull.Clients[target.Name] = target.Pull.Clients
		}
	}
	return c.Pull
}

// validatePull is about what the role pull needs.
func (c Config) validatePull() error {
	switch {
	case c.Pull.Listen == "" && len(c.Roles) == 1:
		return invalidFault("pull-listen", "",
			"the role pull alone would serve nobody: use host:port, or :port for all addresses, for example :8403")
	case c.Pull.Listen == "":
		return nil
	case !isAddress(c.Pull.Listen, true):
		return invalidFault("pull-listen", c.Pull.Listen,
			"use host:port, or :port for all addresses, for example :8403")
	case c.Sealing.KeyURL == "":
		return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
			"--sealing-key (EVERLEAF_SEALING_KEY) is missing: "+
				"the role pull opens private keys with it; give it, or leave --pull-listen (EVERLEAF_PULL_LISTEN) out")
	case c.Pull.Certificate == "":
		return invalidFault("pull-certificate", "",
			"name a PEM file with the pull listener's own certificate and chain")
	case c.Pull.Key == "":
		return invalidFault("pull-key", "", "name the PEM file with the key of --pull-certificate (EVERLEAF_PULL_CERTIFICATE)")
	case c.Pull.ClientCA == "" && len(pullConfig(c).Clients) > 0:
		return invalidFault("pull-client-ca", "",
			"there are pull targets: name a PEM file with the roots of their clients' certificates")
	}
	return c.validateTargets()
}
