package acme

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Issuers = (*Issuers)(nil)

// Issuers finds a configured CA by its name. It is safe for concurrent use.
type Issuers struct {
	byName atomic.Pointer[map[string]*CA]
}

// NewIssuers makes the set. Of two CAs with one name, the later one counts.
func NewIssuers(cas ...*CA) *Issuers {
	byName := make(map[string]*CA, len(cas))
	for _, ca := range cas {
		byName[ca.config.Issuer] = ca
	}
	i := &Issuers{}
	i.byName.Store(&byName)
	return i
}

// Replace puts the CAs of another set in the place of these, all at once. Who works with one of these goes on with it.
func (i *Issuers) Replace(others *Issuers) { i.byName.Store(others.byName.Load()) }

// Describe lists the CAs in order of name. It contacts none of them: profiles are those of the directory as it was read
// last.
func (i *Issuers) Describe() []ports.ProcessIssuer {
	byName := *i.byName.Load()
	described := make([]ports.ProcessIssuer, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		ca := byName[name]
		issuer := ca.config.Describe()
		// The CA may offer more since.
		if known := ca.currentDirectory(); known != nil && time.Now().Before(known.until) {
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
	byName := *i.byName.Load()
	if ca, ok := byName[name]; ok {
		return ca, nil
	}
	known := make([]string, 0, len(byName))
	for n := range byName {
		known = append(known, n)
	}
	slices.Sort(known)
	return nil, domain.NewFault(domain.FaultOperator, domain.ReasonUnknownIssuer, nil,
		"issuer %q is not configured; configured are: %s", name, strings.Join(known, ", "))
}
