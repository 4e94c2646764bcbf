package app

import (
	"everleaf/adapters/configfile"
	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
	"everleaf/domain"
)

// ReadFile reads the configuration file at path, as far as the roles need it (all of it where there are none), and puts
// its issuers in the place of those that the config has. lookup finds the variables that it refers to, as Variable
// does. Faults: Operator "InvalidSetting".
func (c *Config) ReadFile(path string, lookup configfile.Lookup) error {
	// Before it is read: what changes in between is then seen as a change.
	c.File, c.Issuers, c.fileDigest = path, nil, digest(path)
	issuers, targets, zones := c.NeedsIssuers(), c.needsTargets(), c.has(RoleAuthorization)
	if !issuers && !targets && !zones {
		return nil
	}
	file, err := configfile.Read(path)
	if err != nil {
		return err
	}
	c.TargetNames = file.TargetNames()
	if issuers {
		if c.Issuers, err = file.Issuers(lookup); err != nil {
			return err
		}
	}
	if targets {
		if c.Targets, err = file.Targets(lookup, c.needsTarget); err != nil {
			return err
		}
	}
	if zones {
		c.DNS01.Zones, err = file.Zones(lookup)
	}
	return err
}

// NeedsIssuers reports whether the roles ask a CA.
func (c Config) NeedsIssuers() bool { return len(c.Roles) == 0 || len(c.issuing()) > 0 }

func (c Config) needsTargets() bool { return c.has(RoleDelivery) || c.pulls() }

// needsTarget reports whether the roles meet the target: who only serves pulls needs no other target's secrets.
func (c Config) needsTarget(target delivery.Config) bool {
	return c.has(RoleDelivery) || target.Pull != nil
}

func (c Config) validateTargets() error { return c.inFile(delivery.Check(c.Targets)) }

func (c Config) validateZones() error { return c.inFile(dns01.Check(c.DNS01.Zones)) }

// inFile names the file as well: what the fault is about stands nowhere else.
func (c Config) inFile(err error) error {
	if err == nil {
		return nil
	}
	fault := domain.AsFault(err)
	return domain.NewFault(fault.Kind, fault.Reason, nil, "--config (EVERLEAF_CONFIG) %q, %s", c.File, fault.Message)
}
