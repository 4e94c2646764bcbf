package temporal

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Notifier = (*Notifier)(nil)

// Notifier signals certificates' workflows. It is safe for concurrent use.
type Notifier struct {
	temporal client.Client
	target   connection.Target
}

// NewNotifier signals through c, which stays the caller's to close.
func NewNotifier(c client.Client, config Config) *Notifier {
	return &Notifier{temporal: c, target: config.Target()}
}

// RecordChanged implements ports.Notifier. The signal goes to whichever run there is: a run that ends meanwhile hands
// it on.
func (n *Notifier) RecordChanged(ctx context.Context, certificate string) error {
	err := n.temporal.SignalWorkflow(ctx, ports.WorkflowID(certificate), "", ports.RecordChangedSignal, nil)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if fault := connection.Interpret(err, n.target); fault != nil {
		return fault
	}
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return domain.NewFault(domain.FaultSpec, domain.ReasonWorkflowEnded, nil,
			"certificate %q has no running workflow in %s, so nobody renews it; `everleaf cert ensure` starts one",
			certificate,
			n.target.Place())
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonTemporalError, err,
		"%s did not take the signal %s for certificate %q",
		n.target, ports.RecordChangedSignal, certificate)
}
