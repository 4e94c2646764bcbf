package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

var targetFault = domain.NewFault(domain.FaultWait, "TargetUnavailable", nil, "the disk is full").ForGood()

// delivering is ready, in service at its targets.
func delivering(targets ...string) domain.Certificate {
	state := ready()
	state.Spec.Deliveries = targets
	for _, target := range targets {
		state.Deliveries = append(state.Deliveries, domain.Delivery{Target: target, Version: "v3"})
	}
	return state
}

func TestDelivery(t *testing.T) {
	t.Run("every target gets each new version", func(t *testing.T) {
		w := newWorld(t)
		w.run(domain.Certificate{Spec: domain.Spec{Names: spec.Names, Deliveries: []string{"disk", "hook@h1"}}})
		require.Len(t, w.delivered, 2)
		for _, d := range w.next().Deliveries {
			require.Equal(t, "v1", d.Version, d.Target)
			require.False(t, d.At.IsZero())
		}
	})
	t.Run("one that fails is tried again alone and holds nothing up", func(t *testing.T) {
		w := newWorld(t)
		w.deliver = func(_ int, in ports.DeliverCertificateInput) (out ports.DeliverCertificateOutput, err error) {
			if in.Target == "bad" {
				err = failed(targetFault)
			}
			return out, err
		}
		w.run(func() domain.Certificate { s := delivering("good", "bad"); s.Renewal.At = start; return s }())
		next := w.next()
		require.Equal(t, "v1", next.Issued.Version)
		require.Equal(t, "v1", next.Deliveries[0].Version)
		require.Equal(t, "TargetUnavailable", next.Deliveries[1].Failure.Fault.Reason)
		require.Equal(t, start.Add(time.Minute), next.Deliveries[1].Failure.RetryAt)
		require.Len(t, w.undelivered, 1)

		again := newWorld(t)
		again.run(next)
		require.Equal(t, []string{"DeliverCertificate@1m0s"}, again.story[:1])
		require.Equal(t, "bad", again.delivered[0].Target)
		require.Len(t, again.delivered, 1, "in that run")
		require.Nil(t, again.next().Deliveries[1].Failure)
	})
	t.Run("a target that lost it gets it again", func(t *testing.T) {
		w := newWorld(t)
		w.env.RegisterDelayedCallback(func() {
			w.env.SignalWorkflow(ports.DriftedSignalName, ports.DriftedSignal{Version: "v2", Targets: []string{"disk"}})
			w.env.SignalWorkflow(ports.DriftedSignalName, ports.DriftedSignal{Version: "v3", Targets: []string{"disk", "another"}})
		}, day)
		w.run(delivering("disk"))
		require.Equal(t, "DeliverCertificate@24h0m0s", w.story[0])
		require.Equal(t, "v3", w.delivered[0].Issued.Version)
		require.Empty(t, w.placed, "in that run")
	})
}

func TestAdvisedMovesTheRenewal(t *testing.T) {
	for name, at := range map[string]time.Duration{"earlier": 2 * day, "later": 70 * day, "into the past": -day} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.env.RegisterDelayedCallback(func() {
				plan := domain.RenewalPlan{At: start.Add(at), Reason: "ARIWindow"}
				w.env.SignalWorkflow(ports.AdvisedSignalName, ports.AdvisedSignal{Version: "v2", Plan: domain.RenewalPlan{At: start}})
				w.env.SignalWorkflow(ports.AdvisedSignalName, ports.AdvisedSignal{Version: "v3", Plan: plan})
			}, day)
			w.run(ready())
			require.Equal(t, "PlaceOrder@"+max(at, day).String(), w.story[0])
		})
	}
}

func TestRetire(t *testing.T) {
	t.Run("ends, and leaves its targets alone", func(t *testing.T) {
		w := newWorld(t)
		told := w.ask(day, ports.RetireUpdate, ports.RetireRequest{})
		w.run(delivering("disk"))
		require.NoError(t, w.env.GetWorkflowError())
		require.NoError(t, told.err)
		require.Equal(t, domain.PhaseReleased, told.status.Phase)
		require.Nil(t, told.status.Renewal)
		require.Equal(t, []string{"RecordReleased@24h0m0s"}, w.story)
	})
	t.Run("clears its targets first if asked to", func(t *testing.T) {
		w := newWorld(t)
		told := w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
		w.run(delivering("disk"))
		require.NoError(t, w.env.GetWorkflowError())
		require.NoError(t, told.err)
		require.Equal(t, []string{"RemoveDelivery@24h0m0s", "RecordReleased@24h0m0s"}, w.story)
	})
	t.Run("a target that cannot be cleared is told and tried again", func(t *testing.T) {
		w := newWorld(t)
		w.remove = func(n int, _ ports.RemoveDeliveryInput) (out ports.RemoveDeliveryOutput, err error) {
			if n == 1 {
				err = failed(targetFault)
			}
			return out, err
		}
		told := w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
		w.run(delivering("disk"))
		require.Equal(t, "TargetUnavailable", told.problem(t).Reason)
		require.NoError(t, w.env.GetWorkflowError())
		require.Equal(t, []string{"RemoveDelivery@24h0m0s", "RecordUndelivered@24h0m0s", "RemoveDelivery@24h1m0s", "RecordReleased@24h1m0s"}, w.story)
	})
	t.Run("Ensure keeps it again", func(t *testing.T) {
		w := newWorld(t)
		w.remove = func(int, ports.RemoveDeliveryInput) (out ports.RemoveDeliveryOutput, err error) {
			return out, failed(targetFault)
		}
		w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
		kept := w.ask(day+time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
		w.run(delivering("disk"))
		require.NoError(t, kept.err)
		require.Empty(t, w.released)
		require.False(t, w.next().Retiring)
	})
}

func TestRevocationWaitsForTargets(t *testing.T) {
	w := newWorld(t)
	w.deliver = func(n int, _ ports.DeliverCertificateInput) (out ports.DeliverCertificateOutput, err error) {
		if n == 1 {
			err = failed(targetFault)
		}
		return out, err
	}
	told := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedKeyCompromise, SignedBy: domain.SignedByCertificateKey})
	w.run(delivering("disk"))
	require.Equal(t, "ReplacementNotDelivered", told.problem(t).Reason)
	next := w.next()
	require.Equal(t, start.Add(day+time.Hour), next.Revoking[0].After)
	again := newWorld(t)
	again.env.SetStartTime(start.Add(day))
	again.run(next)
	require.Equal(t, []string{"DeliverCertificate@24h1m0s", "RevokeCertificate@24h1m0s"}, again.story[:2])
	require.Equal(t, domain.SignedByCertificateKey, again.revoked[0].SignedBy)
	require.True(t, again.revoked[0].Issued.Version == "v3")

	t.Run("an hour at the most", func(t *testing.T) {
		w := newWorld(t)
		w.env.SetStartTime(start.Add(day))
		w.deliver = func(int, ports.DeliverCertificateInput) (out ports.DeliverCertificateOutput, err error) {
			return out, failed(targetFault)
		}
		w.run(next)
		require.NotContains(t, w.story, "RevokeCertificate@24h1m0s")
		later := w.next()
		later.Deliveries[0].Failure.RetryAt = start.Add(2 * day)
		w = newWorld(t)
		w.env.SetStartTime(start.Add(day))
		w.run(later)
		require.Equal(t, []string{"RevokeCertificate@25h0m0s"}, w.story)
	})
	t.Run("without replacement it is revoked at once", func(t *testing.T) {
		w := newWorld(t)
		told := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{WithoutReplacement: true})
		w.run(ready())
		require.NoError(t, told.err)
		require.ElementsMatch(t, []string{"RecordRevoking@24h0m0s", "RevokeCertificate@24h0m0s"}, w.story[:2])
		require.True(t, told.status.Issued.Revoked)
	})
}
