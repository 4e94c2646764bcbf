package app

import (
	"everleaf/adapters/configfile"
	"everleaf/adapters/delivery"
	"everleaf/domain"
)

// ReadFile reads the configuration file at path, as far as the roles need it (all of it where there are none), and puts
// its issuers in the place of those that the config has. lookup finds the variables that it refers to, as os.LookupEnv
// does. Faults: Operator "InvalidSetting".
func (c *Config) ReadFile(path string, lookup func(string) (string, bool)) error {
	c.File, c.Issuers = path, nil
	issuers, targets := c.needsIssuers(), c.needsTargets()
	if !issuers && !targets {
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
		c.Targets, err = file.Targets(lookup, c.needsTarget)
	}
	return err
}

func (c Config) needsIssuers() bool { return len(c.Roles) == 0 || len(c.issuing()) > 0 }

func (c Config) needsTargets() bool { return c.has(RoleDelivery) || c.pulls() }

// needsTarget says whether the roles meet the target: who only serves pulls needs no other target's secrets.
func (c Config) needsTarget(target delivery.Config) bool {
	return c.has(RoleDelivery) || target.Pull != nil
}

// validateTargets names the file as well: targets stand nowhere else.
func (c Config) validateTargets() error {
	err := delivery.Check(c.Targets)
	if err == nil {
		return nil
	}
	fault := domain.AsFault(err)
	return domain.NewFault(fault.Kind, fault.Reason, nil, "--config (EVERLEAF_CONFIG) %q, %s", c.File, fault.Message)
}
