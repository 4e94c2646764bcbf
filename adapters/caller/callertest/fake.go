package callertest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"everleaf/adapters/caller"
	"everleaf/domain"
	"everleaf/ports"
)

var _ caller.Certificates = (*Fake)(nil)

// Fake is an Everleaf in memory. It issues at once, for 90 days, and delivers at once; nothing expires and nothing is
// renewed by itself. Fail sets a problem for a certificate. It is safe for concurrent use, and holds no key or chain.
//
// It accepts any issuer and any delivery target. A failure is answered at once, also where a worker would wait for a
// short while. It knows nothing of what a call itself may meet, such as a worker that is not there: that is for
// MockCertificates.
type Fake struct {
	*memory
	// request is set by Repeat.
	request caller.Request
}

// memory is what all that came of one New share.
type memory struct {
	mu           sync.Mutex
	certificates map[string]*certificate
	problems     map[string]caller.Fault
	// made counts runs and versions.
	made int
}

// certificate is one with its latest run.
type certificate struct {
	run    string
	open   bool
	status caller.Status
	// answers are those to requests with an ID, of all runs.
	answers map[caller.Request]answer
}

type answer struct {
	status caller.Status
	err    error
}

// New makes a fake without any certificate.
func New() *Fake {
	return &Fake{memory: &memory{certificates: map[string]*certificate{}, problems: map[string]caller.Fault{}}}
}

// Fail has each attempt to obtain the certificate called name fail with the fault, until Succeed. What is in service
// stays. A fault of the kind RateLimited, with RetryAfter, holds back all but a Renew with Force for so long.
func (m *memory) Fail(name string, fault caller.Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problems[name] = fault
}

// Succeed has attempts for the certificate succeed from now on. The next one is that of a Renew, or of an Ensure that
// changes something.
func (m *memory) Succeed(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.problems, name)
}

// As implements caller.Certificates. Nothing shows who asks.
func (f *Fake) As(string) caller.Certificates { return f }

// Repeat implements caller.Certificates.
func (f *Fake) Repeat(request caller.Request) caller.Certificates {
	return &Fake{memory: f.memory, request: request}
}

// Start implements caller.Certificates: by then it is issued, or has failed.
func (f *Fake) Start(ctx context.Context, name string, spec caller.Spec) error {
	if err := domain.ValidateCertificateName(name); err != nil {
		return err
	}
	spec, err := spec.Validated()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.certificates[name]; c == nil || !c.open {
		_, _ = f.want(f.begin(name, spec), spec) // Status has the problem
	}
	return nil
}

// Status implements caller.Certificates.
func (f *Fake) Status(ctx context.Context, name string) (caller.Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return caller.Status{}, err
	}
	if ctx.Err() != nil {
		return caller.Status{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch c := f.certificates[name]; {
	case c == nil || !c.open:
		return caller.Status{}, missing(name, c)
	default:
		return copied(c.status), nil
	}
}

// Watch implements caller.Certificates.
func (f *Fake) Watch(ctx context.Context, name string, every time.Duration) caller.Statuses {
	return caller.Watch(ctx, every, func(ctx context.Context) (caller.Status, error) { return f.Status(ctx, name) })
}

// CheckQueue implements caller.Certificates: there is always a worker.
func (f *Fake) CheckQueue(ctx context.Context, name string) (queue string, err error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return "", err
	}
	return ports.TaskQueue, ctx.Err()
}

// Locate implements caller.Certificates.
func (f *Fake) Locate(ctx context.Context, name string) (run string, err error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return "", err
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.certificates[name]
	if c == nil || !c.open {
		return "", missing(name, c)
	}
	return c.run, nil
}

// Work implements caller.Certificates: nothing is ever waited for.
func (f *Fake) Work(ctx context.Context, name string) ([]caller.Work, error) {
	_, err := f.Locate(ctx, name)
	return nil, err
}

// begin opens a new run; what is in service stays.
func (m *memory) begin(name string, spec caller.Spec) *certificate {
	c := m.certificates[name]
	if c == nil {
		c = &certificate{answers: map[caller.Request]answer{}}
		m.certificates[name] = c
	}
	m.made++
	c.run, c.open = fmt.Sprintf("run-%d", m.made), true
	generation := max(c.status.Generation, 1)
	if c.status.Generation > 0 && len(c.status.Spec.Changes(spec)) > 0 {
		generation++
	}
	c.status = caller.Status{Name: name, Phase: caller.PhaseIssuing, Spec: spec, Generation: generation,
		Issued: c.status.Issued}
	return c
}

// missing says why there is no open run; c is nil where there never was one.
func missing(name string, c *certificate) error {
	if c == nil {
		return domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil,
			"certificate %q is not kept here; Ensure starts one", name)
	}
	return domain.NewFault(domain.FaultSpec, domain.ReasonWorkflowEnded, nil,
		"certificate %q is retired, so nobody renews it", name)
}
