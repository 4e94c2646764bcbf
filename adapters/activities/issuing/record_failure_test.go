package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func failed(step string) ports.RecordFailureInput {
	return ports.RecordFailureInput{Certificate: certName, Step: step, Fault: *caFault, At: now, Spec: spec,
		Issuer: "default"}
}

// decided is the policy's decision about what failed.
func decided(in ports.RecordFailureInput) domain.Decision {
	return domain.Decide(domain.Failed{Certificate: in.Certificate, Step: in.Step, Fault: in.Fault, At: in.At,
		Spec: in.Spec, Issuer: in.Issuer,
		Tried: in.Tried, Target: in.Target, Version: in.Version, Previous: in.Previous, Issued: in.Issued,
		Fraction: drawn(in)})
}

func TestRecordFailure(t *testing.T) {
	t.Run("of an attempt", func(t *testing.T) {
		r := newRig(t)
		in := failed(ports.ObtainCertificate.Name)
		previous := decided(in).Failure
		in.Previous, in.At = &previous, now.Add(time.Minute)
		want := decided(in)
		r.certificates.EXPECT().RecordFailure(anything, certName, spec, want.Failure).Times(2)
		out, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
		require.Equal(t, ports.RecordFailureOutput{Failure: want.Failure}, out,
			"what people read is what the workflow does")
		require.Equal(t, 2, out.Failure.Attempts)
		again, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
		require.Equal(t, out, again, "a repeat decides the same")
	})
	t.Run("of an issuer, where the next one is asked", func(t *testing.T) {
		r := newRig(t)
		in := failed(ports.ObtainCertificate.Name)
		in.Spec.Issuers = []string{"default", "other"}
		want := decided(in)
		require.Equal(t, "other", want.Next)
		r.certificates.EXPECT().RecordFallback(anything, certName, "other", want.Failure)
		out, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
		require.Equal(t, ports.RecordFailureOutput{Failure: want.Failure, Next: "other"}, out)
	})
	t.Run("of a delivery", func(t *testing.T) {
		r := newRig(t)
		in := failed(ports.DeliverCertificate.Name)
		in.Target, in.Version = "disk", "v1"
		r.deliveries.EXPECT().RecordUndelivered(anything, certName, "disk", "v1", decided(in).Failure)
		_, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
	})
	t.Run("of a removal", func(t *testing.T) {
		r := newRig(t)
		in := failed(ports.RemoveDelivery.Name)
		in.Target = "disk"
		r.deliveries.EXPECT().RecordUndelivered(anything, certName, "disk", "", decided(in).Failure)
		_, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
	})
	t.Run("of a revocation", func(t *testing.T) {
		r := newRig(t)
		in := failed(ports.RevokeCertificate.Name)
		in.Version = "v1"
		r.certificates.EXPECT().RecordUnrevoked(anything, certName, "v1", decided(in).Failure)
		_, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
	})
}

// The workflow has its own default for a database that is away.
func TestRecordFailureThatCannotBeStored(t *testing.T) {
	for fault, retryable := range map[*domain.Fault]bool{waitFault: true, operatorFault: false} {
		for name, c := range map[string]struct {
			in     ports.RecordFailureInput
			expect func(*rig)
		}{
			"attempt": {failed(ports.ReserveOrder.Name), func(r *rig) {
				r.certificates.EXPECT().RecordFailure(anything, anything, anything, anything).Return(fault)
			}},
			"fallback": {func() ports.RecordFailureInput {
				in := failed(ports.ObtainCertificate.Name)
				in.Spec.Issuers = []string{"default", "other"}
				return in
			}(), func(r *rig) {
				r.certificates.EXPECT().RecordFallback(anything, anything, anything, anything).Return(fault)
			}},
			"delivery": {func() ports.RecordFailureInput {
				in := failed(ports.DeliverCertificate.Name)
				in.Target = "disk"
				return in
			}(), func(r *rig) {
				r.deliveries.EXPECT().RecordUndelivered(anything, anything, anything, anything, anything).Return(fault)
			}},
			"revocation": {failed(ports.RevokeCertificate.Name), func(r *rig) {
				r.certificates.EXPECT().RecordUnrevoked(anything, anything, anything, anything).Return(fault)
			}},
		} {
			t.Run(name+"/"+string(fault.Reason), func(t *testing.T) {
				r := newRig(t)
				c.expect(r)
				_, err := call(r, ports.RecordFailure, c.in)
				wire(t, err, fault, retryable)
			})
		}
	}
}

func TestRecordReleased(t *testing.T) {
	r := newRig(t)
	r.certificates.EXPECT().RecordReleased(anything, certName, now, false).
		Return(domain.Record{Retirement: domain.Released}, nil)
	out, err := call(r, ports.RecordReleased, ports.RecordReleasedInput{Certificate: certName, At: now})
	require.NoError(t, err)
	require.Equal(t, domain.Released, out.Record.Retirement)
	require.NotEmpty(t, out.Record.ReadBy)

	r.certificates.EXPECT().RecordReleased(anything, certName, now, false).Return(domain.Record{}, waitFault)
	_, err = call(r, ports.RecordReleased, ports.RecordReleasedInput{Certificate: certName, At: now})
	wire(t, err, waitFault, true)
}

func TestReserveOrder(t *testing.T) {
	record := domain.Record{Issued: &domain.Issued{Version: "v1"}}
	in := ports.ReserveOrderInput{Certificate: certName, Spec: spec,
		Want: domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}, At: now}
	r := newRig(t)
	r.certificates.EXPECT().Record(anything, certName).Return(record, nil)
	out, err := call(r, ports.ReserveOrder, in)
	require.NoError(t, err)
	needed, replaces := domain.Needed(now, record, spec, in.Want)
	require.Equal(t, needed, out.Needed)
	require.Equal(t, replaces, out.Replaces)
	require.Equal(t, domain.NewKeyNeeded(record), out.NewKey)
	require.Equal(t, domain.FairnessKey(spec), out.Tenant)
	require.Equal(t, domain.Priority(now, record, in.Want), out.Priority)
	require.Equal(t, record.Issued, out.Record.Issued)
	require.NotEmpty(t, out.Record.ReadBy)

	r.certificates.EXPECT().Record(anything, certName).DoAndReturn(
		func(context.Context, string) (domain.Record, error) { return domain.Record{}, waitFault })
	_, err = call(r, ports.ReserveOrder, in)
	wire(t, err, waitFault, true)
}
