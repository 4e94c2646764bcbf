package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRevoke(t *testing.T) {
	revoke := ports.RevokeRequest{Reason: domain.RevokedKeyCompromise}
	t.Run("replaces, then revokes, then answers", func(t *testing.T) {
		w := newWorld(t)
		told := w.ask(day, ports.RevokeUpdate, revoke)
		w.run(ready())
		require.ElementsMatch(t, []string{"RecordRevoking@24h0m0s", "PlaceOrder@24h0m0s", "AuthorizeOrder@24h0m0s", "FinalizeOrder@24h0m0s", "PlanRenewal@24h0m0s", "RevokeCertificate@24h0m0s"}, w.story)
		require.Equal(t, []ports.RevokeCertificateInput{{Certificate: certName, Issued: *ready().Issued, Reason: domain.RevokedKeyCompromise}}, w.revoked)
		require.NoError(t, told.err)
		require.Equal(t, "v1", told.status.Issued.Version)
		require.Empty(t, told.status.Revoking)
		require.Empty(t, w.next().Revoking)
	})
	t.Run("asked twice: once", func(t *testing.T) {
		w := newWorld(t)
		first, second := w.ask(day, ports.RevokeUpdate, revoke), w.ask(day, ports.RevokeUpdate, revoke)
		w.run(ready())
		require.Len(t, w.revoked, 1)
		require.Len(t, w.placed, 1)
		require.Equal(t, first.status, second.status)
	})
	t.Run("not replaced: the problem is told and the revocation stays pending", func(t *testing.T) {
		w := newWorld(t)
		w.failing(nameFault, 2)
		told := w.ask(day, ports.RevokeUpdate, revoke)
		w.run(ready())
		require.Equal(t, "CAA", told.problem(t).Reason)
		require.Len(t, w.revoked, 1, "after the retry")
		require.Equal(t, "RevokeCertificate@24h1m0s", w.story[len(w.story)-1])
		require.Empty(t, w.next().Revoking)
	})
	t.Run("the CA refuses: told, and tried again by the ladder in the next run", func(t *testing.T) {
		w := newWorld(t)
		w.revoke = func(int, ports.RevokeCertificateInput) (ports.RevokeCertificateOutput, error) {
			return ports.RevokeCertificateOutput{}, failed(nameFault)
		}
		told := w.ask(day, ports.RevokeUpdate, revoke)
		w.run(ready())
		require.Equal(t, "CAA", told.problem(t).Reason)
		next := w.next()
		require.Equal(t, "v1", next.Issued.Version, "replaced all the same")
		require.Equal(t, start.Add(day+time.Minute), next.Revoking[0].Failure.RetryAt)

		again := newWorld(t)
		again.env.SetStartTime(start.Add(day))
		again.run(next)
		require.Len(t, again.revoked, 1)
		require.Empty(t, again.placed)
		require.Empty(t, again.next().Revoking)
	})
	t.Run("replaced by a CA whose clock is ahead", func(t *testing.T) {
		w := newWorld(t)
		w.finalize = func(int, ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
			issued := w.issued("v1")
			issued.NotBefore = issued.NotBefore.Add(time.Minute)
			return ports.FinalizeOrderOutput{Issued: issued}, nil
		}
		told := w.ask(day, ports.RevokeUpdate, revoke)
		w.run(ready())
		require.NoError(t, told.err)
		require.Len(t, w.revoked, 1)
		require.Empty(t, w.next().Revoking)
	})
	t.Run("nothing in service", func(t *testing.T) {
		w := newWorld(t)
		w.failing(nameFault, 2)
		told := w.ask(time.Second, ports.RevokeUpdate, revoke)
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, "NothingToRevoke", told.problem(t).Reason)
	})
	t.Run("an unknown reason is refused", func(t *testing.T) {
		w := newWorld(t)
		told := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{Reason: "boredom"})
		w.run(ready())
		require.Equal(t, "UnknownReason", told.problem(t).Reason)
		require.False(t, told.accepted)
	})
	t.Run("while a renewal is at work: it is the replacement", func(t *testing.T) {
		w := newWorld(t)
		var told *answer
		authorize := w.authorize
		w.authorize = func(n int, in ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
			told = w.askNow(ports.RevokeUpdate, revoke)
			return authorize(n, in)
		}
		w.run(ready())
		require.Len(t, w.placed, 1)
		require.Len(t, w.revoked, 1)
		require.NoError(t, told.err)
	})
	t.Run("while the renewal that is at work has put it in service: replaced by another", func(t *testing.T) {
		w := newWorld(t)
		var told *answer
		plan := w.plan
		w.plan = func(n int, in ports.PlanRenewalInput) (ports.PlanRenewalOutput, error) {
			if n == 1 { // so that the workflow plans by itself
				return ports.PlanRenewalOutput{}, failed(nameFault)
			}
			if n == 2 {
				told = w.askNow(ports.RevokeUpdate, revoke)
			}
			return plan(n, in)
		}
		w.run(ready())
		require.True(t, told.done)
		require.Equal(t, 60*day, told.at, "not with the next renewal")
		require.NoError(t, told.err)
		require.Equal(t, "v1", w.revoked[0].Issued.Version)
		require.Equal(t, "v2", told.status.Issued.Version)
		require.Len(t, w.placed, 2)
	})
	t.Run("a compromised key outranks the reason that was given before", func(t *testing.T) {
		w := newWorld(t)
		w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedSuperseded})
		w.ask(day, ports.RevokeUpdate, revoke)
		w.run(ready())
		require.Equal(t, domain.RevokedKeyCompromise, w.revoked[0].Reason)
	})
	t.Run("what has expired is revoked no more", func(t *testing.T) {
		w := newWorld(t)
		state := ready()
		old := *state.Issued
		old.Version, old.NotAfter = "v2", start.Add(-time.Hour)
		state.Revoking = []domain.Revocation{{Issued: old}}
		w.run(state)
		require.Empty(t, w.revoked)
		require.Empty(t, w.next().Revoking)
	})
}
