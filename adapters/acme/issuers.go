package acme

import (
	"maps"
	"slices"
	"strings"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Issuers = (*Issuers)(nil)

// Issuers finds a configured CA by its name.
type Issuers struct {
	byName map[string]*CA
}

// NewIssuers makes the set. Of two CAs with one name, the later one counts.
func NewIssuers(cas ...*CA) *Issuers {
	byName := make(map[string]*CA, len(cas))
	for _, ca := range cas {
		byName[ca.config.Issuer] = ca
	}
	return &Issuers{byName: byName}
}

// Describe lists the CAs in order of name. It contacts none of them: profiles are those of the directory as it was read
// last.
func (i *Issuers) Describe() []ports.ProcessIssuer {
	described := make([]ports.ProcessIssuer, 0, len(i.byName))
	for _, name := range slices.Sorted(maps.Keys(i.byName)) {
		ca := i.byName[name]
		issuer := ports.ProcessIssuer{Name: name, Directory: ca.config.Directory}
		if known := ca.currentDirectory(); known != nil && time.Now().Before(known.until) { // the CA may offer more since
			issuer.Known = true
			if known.Meta != nil {
				issuer.Profiles = slices.Sorted(maps.Keys(known.Meta.Profiles))
			}
		}
		described = append(described, issuer)
	}
	return described
}

// Issuer returns the CA called name, or an Operator fault "UnknownIssuer" that lists the configured ones.
func (i *Issuers) Issuer(name string) (ports.CA, error) {
	if ca, ok := i.byName[name]; ok {
		return ca, nil
	}
	known := make([]string, 0, len(i.byName))
	for n := range i.byName {
		known = append(known, n)
	}
	slices.Sort(known)
	return nil, domain.NewFault(domain.FaultOperator, domain.ReasonUnknownIssuer, nil,
		"issuer %q is not configured; configured are: %s", name, strings.Join(known, ", "))
}
