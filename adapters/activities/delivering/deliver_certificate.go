package delivering

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// DeliverCertificate delivers a version to one target and notes it. A repeat finds at the target what an earlier try
// has put there.
func (a *Activities) DeliverCertificate(ctx context.Context, in ports.DeliverCertificateInput) (out ports.DeliverCertificateOutput, err error) {
	ctx, stop := a.heartbeat(ctx)
	defer stop()
	target, err := a.target(in.Target)
	if err != nil {
		return out, err
	}
	bundle, err := a.bundle(ctx, in.Certificate, in.Issued.Version)
	if err != nil {
		return out, err
	}
	defer clear(bundle.KeyPEM)
	if bundle.Sequence, err = a.sequence(ctx, in.Certificate, in.Target, in.Issued.Version); err != nil {
		return out, err
	}
	bundle.Target = in.Target
	if out.Confirmation, err = target.Deliver(ctx, bundle); err != nil {
		return out, fmt.Errorf("deliver to %s: %w", in.Target, err)
	}
	if err := a.Deliveries.RecordDelivered(ctx, in.Certificate, in.Target, in.Issued.Version, out.Confirmation); err != nil {
		return out, fmt.Errorf("record delivery: %w", err)
	}
	a.Observer.CertificateDelivered(ctx, in.Target)
	return out, nil
}

// target is the configured target of a delivery, whatever its host: the queue has brought it here.
func (a *Activities) target(delivery string) (ports.Target, error) {
	name, _ := domain.TargetHost(delivery)
	return a.Targets.Target(name)
}

// sequence is the number of this step's request, taken just before the target is met: what is asked for later overtakes it.
func (a *Activities) sequence(ctx context.Context, certificate, target, version string) (int64, error) {
	sequence, err := a.Deliveries.Sequence(ctx, ports.DeliveryRequest{
		Certificate: certificate, Target: target, Version: version, Asked: activity.GetInfo(ctx).ScheduledTime,
	})
	if err != nil {
		return 0, fmt.Errorf("number the delivery: %w", err)
	}
	return sequence, nil
}

// bundle is a version with its opened key, which the caller clears. A version that another one has replaced is not
// delivered: a late try must not put it in the newer one's place.
func (a *Activities) bundle(ctx context.Context, certificate, version string) (ports.Bundle, error) {
	pair, err := a.Deliveries.Bundle(ctx, version)
	if err != nil {
		return ports.Bundle{}, fmt.Errorf("read certificate: %w", err)
	}
	switch {
	case pair.Record.Name != certificate || pair.Record.Issued == nil:
		return ports.Bundle{}, domain.NewFault(domain.FaultOperator, "UnknownVersion", nil,
			"version %s is not one of the certificate %s", version, certificate)
	case pair.Replaced:
		return ports.Bundle{}, domain.NewFault(domain.FaultWait, "VersionReplaced", nil,
			"version %s of %s is not in service any more: the one that is will be delivered", version, certificate).ForGood()
	}
	key, err := a.Sealer.Open(ctx, pair.SealedKey)
	if err != nil {
		return ports.Bundle{}, ports.AboutSecret(err, aboutKey(certificate, *pair.Record.Issued))
	}
	return ports.Bundle{Certificate: certificate, Issued: *pair.Record.Issued, ChainPEM: pair.ChainPEM, KeyPEM: key}, nil
}
