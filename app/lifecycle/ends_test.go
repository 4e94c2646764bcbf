package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// Those who ask in the last moments of a run or of a certificate are answered, and none of them keeps it from its end.

func TestGivenUpWhileOthersWait(t *testing.T) {
	t.Run("for the first certificate, which fails", func(t *testing.T) {
		w := newWorld(t)
		var ensured, retired *answer
		w.place = func(int, ports.PlaceOrderInput) (out ports.PlaceOrderOutput, err error) {
			ensured = w.askNow(ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
			retired = w.askNow(ports.RetireUpdate, ports.RetireRequest{})
			return out, failed(nameFault)
		}
		w.run(domain.Certificate{Spec: spec})
		require.NoError(t, w.env.GetWorkflowError())
		require.NoError(t, retired.err)
		require.Equal(t, "CAA", ensured.problem(t).Reason)
	})
	for name, ask := range map[string]func(w *world) *answer{
		"a renewal": func(w *world) *answer {
			return w.ask(day+time.Second, ports.RenewUpdate, ports.RenewRequest{Force: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.failingRemoval(1)
			w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
			told := ask(w)
			w.run(delivering("disk"))
			require.NoError(t, w.env.GetWorkflowError())
			require.Equal(t, "GivenUp", told.problem(t).Reason)
			require.Empty(t, w.placed)
		})
	}
	t.Run("a revocation: nothing replaces it", func(t *testing.T) {
		w := newWorld(t)
		w.failingRemoval(1)
		w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
		told := w.ask(day+time.Second, ports.RevokeUpdate, ports.RevokeRequest{})
		w.run(delivering("disk"))
		require.NoError(t, w.env.GetWorkflowError())
		require.NoError(t, told.err)
		require.Len(t, w.revoked, 1)
		require.Empty(t, w.placed)
	})
}

// The last word counts: what the first request left at its targets is told, or cleared, although the end waits for something else.
func TestGivenUpTwice(t *testing.T) {
	for name, c := range map[string]struct {
		first, second ports.RetireRequest
		removed       int
	}{
		"alike":                          {},
		"and then cleared":               {second: ports.RetireRequest{RemoveDeliveries: true}, removed: 1},
		"cleared, and that again":        {ports.RetireRequest{RemoveDeliveries: true}, ports.RetireRequest{RemoveDeliveries: true}, 1},
		"left when it is cleared before": {first: ports.RetireRequest{RemoveDeliveries: true}, removed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			state := delivering("disk")
			old := *state.Issued
			old.Version = "v2"
			state.Revoking = []domain.Revocation{{Issued: old, Failure: &domain.Failure{Fault: *nameFault, Attempts: 2, RetryAt: start.Add(2 * day)}}}
			w.ask(day, ports.RetireUpdate, c.first)
			told := w.ask(day+time.Minute, ports.RetireUpdate, c.second)
			w.run(state)
			require.NoError(t, w.env.GetWorkflowError())
			require.Equal(t, "CAA", told.problem(t).Reason)
			require.Len(t, w.removed, c.removed)
			require.Len(t, w.status().Deliveries, 1-c.removed)
		})
	}
}

// A revocation that is asked for while the end is noted is carried out first: neither waits for the other.
func TestRevokedWhileTheEndIsNoted(t *testing.T) {
	w := newWorld(t)
	var told *answer
	retired := w.ask(day, ports.RetireUpdate, ports.RetireRequest{})
	w.release = func(n int, _ ports.RecordReleasedInput) (out ports.RecordReleasedOutput, err error) {
		if n == 1 {
			told = w.askNow(ports.RevokeUpdate, ports.RevokeRequest{})
		}
		return out, nil
	}
	w.run(ready())
	require.NoError(t, w.env.GetWorkflowError())
	require.True(t, told.done)
	require.NoError(t, told.err)
	require.NoError(t, retired.err)
	require.Len(t, w.revoked, 1)
	require.Len(t, w.released, 2)
}

// failingRemoval has the first removals fail.
func (w *world) failingRemoval(times int) {
	w.remove = func(n int, _ ports.RemoveDeliveryInput) (out ports.RemoveDeliveryOutput, err error) {
		if n <= times {
			err = failed(targetFault)
		}
		return out, err
	}
}

func TestKeptAgain(t *testing.T) {
	t.Run("with another spec, in the last moment", func(t *testing.T) {
		w := newWorld(t)
		w.ask(day, ports.RetireUpdate, ports.RetireRequest{})
		var told *answer
		w.release = func(n int, _ ports.RecordReleasedInput) (out ports.RecordReleasedOutput, err error) {
			if n == 1 {
				told = w.askNow(ports.EnsureUpdate, ports.EnsureRequest{Spec: changed})
			}
			return out, nil
		}
		w.run(ready())
		require.NoError(t, told.err)
		require.Equal(t, changed, w.next().Spec)
		require.Equal(t, "v1", w.next().Issued.Version)
	})
	t.Run("before its renewal: the renewal is kept", func(t *testing.T) {
		w := newWorld(t)
		w.failingRemoval(1000)
		w.ask(59*day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
		w.ask(59*day+3*time.Hour, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
		w.run(delivering("disk"))
		require.Equal(t, 60*day, w.placedAt())
	})
}

// Given up, a certificate is revoked with nothing to replace it; kept again meanwhile, it is replaced.
func TestKeptAgainAlthoughItIsRevoked(t *testing.T) {
	for name, c := range map[string]struct {
		version workflow.Version
		placed  int
	}{"before the gate": {workflow.DefaultVersion, 0}, "now": {1, 1}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.env.OnGetVersion(retirementGate, workflow.DefaultVersion, workflow.Version(1)).Return(c.version)
			w.revoke = func(n int, _ ports.RevokeCertificateInput) (out ports.RevokeCertificateOutput, err error) {
				if n == 1 {
					return out, failed(nameFault)
				}
				return out, nil
			}
			w.failingRemoval(2)
			w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
			w.ask(day+time.Second, ports.RevokeUpdate, ports.RevokeRequest{})
			kept := w.ask(day+10*time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
			w.run(delivering("disk"))
			require.NoError(t, kept.err)
			require.Equal(t, "v3", w.revoked[0].Issued.Version)
			require.Len(t, w.placed, c.placed)
		})
	}
}

// placedAt is when the first order was placed.
func (w *world) placedAt() (at time.Duration) {
	for _, told := range w.story {
		if d, ok := strings.CutPrefix(told, ports.PlaceOrder.Name+"@"); ok {
			at, _ = time.ParseDuration(d)
			return at
		}
	}
	return 0
}

func TestAskedAtTheEndOfARun(t *testing.T) {
	for name, c := range map[string]struct {
		update  string
		request any
		done    func(t *testing.T, w *world)
	}{
		"to give it up": {ports.RetireUpdate, ports.RetireRequest{}, func(t *testing.T, w *world) {
			require.NoError(t, w.env.GetWorkflowError())
			require.Len(t, w.released, 1)
		}},
		"to revoke it": {ports.RevokeUpdate, ports.RevokeRequest{WithoutReplacement: true}, func(t *testing.T, w *world) {
			require.True(t, w.next().Issued.Revoked)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var told *answer
			over := make(chan struct{})
			w.env.SetOnActivityCompletedListener(func(done *activity.Info, _ converter.EncodedValue, _ error) {
				if done.ActivityType.Name == ports.ObtainCertificate.Name {
					close(over)
				}
			})
			rotated := spec
			rotated.KeyRotation = domain.RotateNever
			w.change = func(int, ports.RecordChangeInput) (out ports.RecordChangeOutput, err error) {
				<-over // the workflow has the attempt's result, and waits for this caller
				told = w.askNow(c.update, c.request)
				return out, nil
			}
			w.authorize = func(int, ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
				w.askNow(ports.EnsureUpdate, ports.EnsureRequest{Spec: rotated})
				return out, nil
			}
			w.run(func() domain.Certificate { s := ready(); s.Renewal.At = start; return s }())
			require.True(t, told.done)
			require.NoError(t, told.err)
			c.done(t, w)
		})
	}
}

func TestRevocationOutlivesAChangeThatIsTakenBack(t *testing.T) {
	w := newWorld(t)
	w.failing(nameFault, 3)
	w.ask(day, ports.EnsureUpdate, ports.EnsureRequest{Spec: changed})
	revoked := w.ask(day+time.Second, ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedKeyCompromise})
	back := w.ask(day+2*time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
	w.run(ready())
	require.Equal(t, "CAA", revoked.problem(t).Reason)
	require.NoError(t, back.err)
	require.Len(t, w.revoked, 1)
	require.Less(t, w.since(), 2*day, "not with the next renewal")
}

func TestReissueThatNobodyWantsAnyMore(t *testing.T) {
	w := newWorld(t)
	w.failing(limitedFault, 2)
	w.ask(day, ports.EnsureUpdate, ports.EnsureRequest{Spec: changed})
	another := domain.Spec{Names: []string{"a.example.com", "c.example.com"}}
	w.ask(day+time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: another})
	w.ask(day+2*time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
	w.run(ready())
	require.Len(t, w.placed, 2)
	require.Contains(t, w.story, "PlaceOrder@1440h0m0s", "the renewal, and nothing before")
}

func TestDeliveryGivenUpBeforeItBegan(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		(&certificate{state: ready()}).deliverTo(ctx, "disk")
		return nil
	})
	require.NoError(t, env.GetWorkflowError())
}

func TestCompromisedKeyIsNotKept(t *testing.T) {
	keeps := func() domain.Certificate {
		s := ready()
		s.Spec.KeyRotation = domain.RotateNever
		return s
	}
	compromised := ports.RevokeRequest{Reason: domain.RevokedKeyCompromise}
	t.Run("at the renewal of one that was revoked without replacement", func(t *testing.T) {
		w := newWorld(t)
		w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedKeyCompromise, WithoutReplacement: true})
		w.run(keeps())
		again := newWorld(t)
		again.run(w.next())
		require.True(t, again.placed[0].FreshKey)
	})
	t.Run("by a successor that was at work with it", func(t *testing.T) {
		w := newWorld(t)
		var told *answer
		w.authorize = func(n int, in ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
			if n == 1 {
				told = w.askNow(ports.RevokeUpdate, compromised)
			}
			return out, nil
		}
		w.run(keeps())
		require.NoError(t, told.err)
		require.Len(t, w.placed, 2)
		require.False(t, w.placed[0].FreshKey)
		require.True(t, w.placed[1].FreshKey)
		require.Equal(t, []string{"v3", "v1"}, []string{w.revoked[0].Issued.Version, w.revoked[1].Issued.Version})
		require.Equal(t, "v2", w.next().Issued.Version)
	})
}
