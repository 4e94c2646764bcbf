package dns01

import (
	"context"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Solver = (*Solver)(nil)

const patience = 2 * time.Minute

// Solver makes DNS-01 challenges answerable and looks at them as a CA does.
type Solver struct {
	records ports.DNSRecords
}

// NewSolver makes a solver over the store of what was written; nobody is contacted. Fault: Operator "InvalidSetting", which
// names the field.
func NewSolver(config Config, records ports.DNSRecords) (*Solver, error) {
	if err := Check(config.Zones); err != nil {
		return nil, err
	}
	return &Solver{records: records}, nil
}

// Type is dns-01.
func (s *Solver) Type() domain.ChallengeType { return domain.ChallengeDNS01 }

// Patience is two minutes: secondary servers follow their primary at their own pace.
func (s *Solver) Patience() time.Duration { return patience }

// Present is not here yet.
func (s *Solver) Present(context.Context, string, []domain.Challenge) error { panic("not here yet") }

// Check is not here yet.
func (s *Solver) Check(context.Context, domain.Challenge) error { panic("not here yet") }

// CleanUp is not here yet.
func (s *Solver) CleanUp(context.Context, string) error { panic("not here yet") }
