package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// A revocation that was accepted is not lost with the workflow.
func TestPendingRevocationsAreNoted(t *testing.T) {
	superseded := ports.RevokeRequest{Reason: domain.RevokedSuperseded}
	// waiting has a target that does not take the replacement.
	waiting := func(t *testing.T) *world {
		w := newWorld(t)
		w.deliver = func(int, ports.DeliverCertificateInput) (out ports.DeliverCertificateOutput, err error) {
			return out, failed(targetFault)
		}
		return w
	}
	t.Run("when asked for, and when they have to wait", func(t *testing.T) {
		w := waiting(t)
		told := w.ask(day, ports.RevokeUpdate, superseded)
		w.run(delivering("disk"))
		require.Equal(t, "ReplacementNotDelivered", told.problem(t).Reason)
		require.Len(t, w.noted, 2)
		require.Equal(t, "v3", w.noted[0].Revoking[0].Issued.Version)
		require.Zero(t, w.noted[0].Revoking[0].After)
		require.Equal(t, start.Add(2*day), w.noted[1].Revoking[0].After)
		require.Equal(t, w.noted[1].Revoking, w.next().Revoking)
	})
	t.Run("when the CA refuses", func(t *testing.T) {
		w := newWorld(t)
		w.revoke = func(int, ports.RevokeCertificateInput) (out ports.RevokeCertificateOutput, err error) {
			return out, failed(nameFault)
		}
		w.ask(day, ports.RevokeUpdate, superseded)
		w.run(ready())
		require.Len(t, w.noted, 2)
		require.Equal(t, "CAA", w.noted[1].Revoking[0].Failure.Fault.Reason)
	})
	t.Run("when cancelled, also of a run that began before", func(t *testing.T) {
		w := waiting(t)
		w.env.OnGetVersion(revokingGate, workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
		state := delivering("disk")
		old := *state.Issued
		old.Version = "v2"
		state.Revoking = []domain.Revocation{{Issued: old, Reason: domain.RevokedSuperseded, After: start.Add(2 * day)}}
		w.env.RegisterDelayedCallback(w.env.CancelWorkflow, day)
		w.run(state)
		require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
		require.Empty(t, w.noted)
		require.Equal(t, []ports.RecordReleasedInput{{Certificate: certName, Revoking: state.Revoking}}, w.released)
	})
}

func TestTakenUpAgainGoesOnWithRevocations(t *testing.T) {
	left := func(version string) []domain.Revocation {
		return []domain.Revocation{{Issued: domain.Issued{Version: version, NotAfter: start.Add(30 * day)}, Reason: domain.RevokedSuperseded}}
	}
	t.Run("of what was replaced", func(t *testing.T) {
		w := newWorld(t)
		place := w.place
		w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
			out, err := place(n, in)
			out.Revoking = left("v0")
			return out, err
		}
		w.run(domain.Certificate{Spec: spec})
		require.Len(t, w.placed, 1)
		require.Equal(t, "v0", w.revoked[0].Issued.Version)
		require.Empty(t, w.next().Revoking)
	})
	t.Run("of what is in service: replaced first", func(t *testing.T) {
		w := newWorld(t)
		place := w.place
		w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
			if n > 1 {
				return place(n, in)
			}
			return ports.PlaceOrderOutput{Adopted: ready().Issued, Plan: ready().Renewal, Revoking: left("v3")}, nil
		}
		w.run(domain.Certificate{Spec: spec})
		require.Len(t, w.placed, 2)
		require.Equal(t, "v3", w.revoked[0].Issued.Version)
		require.Equal(t, "v1", w.next().Issued.Version)
	})
	t.Run("a new key that was never called compromised is kept", func(t *testing.T) {
		w := newWorld(t)
		place := w.place
		w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
			out, err := place(n, in)
			out.Revoking = left("v0")
			out.Revoking[0].Reason = domain.RevokedKeyCompromise
			return out, err
		}
		keeps := spec
		keeps.KeyRotation = domain.RotateNever
		w.run(domain.Certificate{Spec: keeps})
		require.Len(t, w.revoked, 1)
		require.Len(t, w.placed, 1)
	})
}

// What an earlier workflow has left does not wait for a certificate that may never come, if nothing is to replace it.
func TestTakenUpAgainWithNothingInService(t *testing.T) {
	taken := func(t *testing.T, r domain.Revocation) *world {
		w := newWorld(t)
		r.Issued = domain.Issued{Version: "v0", NotAfter: start.Add(30 * day)}
		w.place = func(n int, _ ports.PlaceOrderInput) (out ports.PlaceOrderOutput, err error) {
			out.Order = domain.Order{ID: "o", Issuer: "default", URL: "https://ca.test/1", Status: domain.OrderPending}
			if n == 1 {
				out.Revoking = []domain.Revocation{r}
			}
			return out, nil
		}
		w.authorize = func(n int, _ ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
			if n < 4 {
				return out, failed(nameFault)
			}
			return out, nil
		}
		return w
	}
	revokedAt := func(w *world) string { return w.story[slices.IndexFunc(w.story, isRevocation)] }
	t.Run("without replacement: at once", func(t *testing.T) {
		w := taken(t, domain.Revocation{Reason: domain.RevokedKeyCompromise, WithoutReplacement: true})
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, "RevokeCertificate@0s", revokedAt(w))
		require.Len(t, w.revoked, 1)
	})
	t.Run("with replacement: after it", func(t *testing.T) {
		w := taken(t, domain.Revocation{Reason: domain.RevokedSuperseded})
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, "RevokeCertificate@1h51m0s", revokedAt(w))
	})
	t.Run("given up: before the end, which comes", func(t *testing.T) {
		w := taken(t, domain.Revocation{Reason: domain.RevokedSuperseded})
		told := w.ask(5*time.Minute, ports.RetireUpdate, ports.RetireRequest{})
		w.run(domain.Certificate{Spec: spec})
		require.NoError(t, w.env.GetWorkflowError())
		require.True(t, told.done)
		require.NoError(t, told.err)
		require.Equal(t, "RevokeCertificate@5m0s", revokedAt(w))
	})
}

func isRevocation(told string) bool { return strings.HasPrefix(told, ports.RevokeCertificate.Name) }

// A change of preference while an attempt is at work costs no second certificate, unless an issuer is gone.
func TestPreferenceChangedWhileAtWork(t *testing.T) {
	two := domain.Spec{Names: spec.Names, Issuers: []string{"default", "other"}}
	for name, c := range map[string]struct {
		issuers []string
		version workflow.Version
		orders  int
	}{
		"another order":                        {[]string{"other", "default"}, 2, 1},
		"one more":                             {[]string{"third", "other", "default"}, 2, 1},
		"one less":                             {[]string{"other"}, 2, 2},
		"another order, before it was weighed": {[]string{"other", "default"}, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.env.OnGetVersion(changeGate, workflow.DefaultVersion, workflow.Version(2)).Return(c.version)
			var told *answer
			w.authorize = func(n int, _ ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
				if n == 1 {
					to := two
					to.Issuers = c.issuers
					told = w.askNow(ports.EnsureUpdate, ports.EnsureRequest{Spec: to})
				}
				return out, nil
			}
			w.run(domain.Certificate{Spec: two})
			require.NoError(t, told.err)
			require.Len(t, w.placed, c.orders)
			require.Equal(t, c.orders > 1, w.changes[0].Reissue)
			require.Equal(t, c.issuers, w.next().Spec.Issuers)
		})
	}
}

// What a retirement leaves at targets is told, and forgotten when the certificate is wanted again.
func TestRetiredSaysWhatItLeaves(t *testing.T) {
	w := newWorld(t)
	told := w.ask(day, ports.RetireUpdate, ports.RetireRequest{})
	w.run(delivering("disk"))
	require.NoError(t, told.err)
	require.Equal(t, []domain.Delivery{{Target: "disk", Version: "v3"}}, told.status.Deliveries)
	require.Empty(t, w.removed)

	w = newWorld(t)
	w.ask(day, ports.RetireUpdate, ports.RetireRequest{})
	w.release = func(n int, _ ports.RecordReleasedInput) (out ports.RecordReleasedOutput, err error) {
		if n == 1 {
			w.askNow(ports.EnsureUpdate, ports.EnsureRequest{Spec: changed})
		}
		return out, nil
	}
	w.run(delivering("disk"))
	require.Empty(t, w.next().Left)
}
