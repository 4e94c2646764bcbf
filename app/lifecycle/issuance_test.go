package lifecycle

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

func TestFirstIssuance(t *testing.T) {
	w := newWorld(t)
	w.run(domain.Certificate{Spec: spec})
	require.Equal(t, []string{"PlaceOrder@0s", "AuthorizeOrder@0s", "FinalizeOrder@0s", "PlanRenewal@0s"}, w.story)
	require.Equal(t, []ports.PlaceOrderInput{{Certificate: certName, Key: chain + "/1", Spec: spec.WithDefaults(), Issuer: domain.DefaultIssuer, Adopt: true}}, w.placed)
	order := domain.Order{ID: "order " + chain + "/1", Issuer: domain.DefaultIssuer, URL: "https://ca.test/1", Status: domain.OrderPending}
	require.Equal(t, []ports.AuthorizeOrderInput{{Certificate: certName, Order: order, Challenge: domain.ChallengeHTTP01}}, w.authorized)
	order.Status = domain.OrderReady
	require.Equal(t, []ports.FinalizeOrderInput{{Certificate: certName, Order: order}}, w.finalized)
	require.Equal(t, []ports.PlanRenewalInput{{Certificate: certName, Issued: *w.issued("v1")}}, w.planned)
	require.Empty(t, w.timers)
	filled := spec.WithDefaults()
	require.Equal(t, domain.Certificate{
		Spec: spec, Cycle: 1, Issued: w.issued("v1"), Renewal: &domain.RenewalPlan{At: start.Add(60 * day), Reason: "ARIWindow"},
		IssuedFor: &filled,
	}, w.next())
}

func TestRenewalSleepsOnOneTimerUntilItIsDue(t *testing.T) {
	w := newWorld(t)
	before := ready()
	w.run(before)
	require.Equal(t, []time.Duration{60 * day}, w.timers)
	require.Equal(t, []string{"PlaceOrder@1440h0m0s", "AuthorizeOrder@1440h0m0s", "FinalizeOrder@1440h0m0s", "PlanRenewal@1440h0m0s"}, w.story)
	require.Equal(t, chain+"/4", w.placed[0].Key)
	require.Equal(t, before.Issued, w.placed[0].Predecessor)
	after := w.next()
	require.Equal(t, 4, after.Cycle)
	require.Equal(t, "v1", after.Issued.Version)
	require.Equal(t, start.Add(120*day), after.Renewal.At)
	require.Nil(t, after.Failure)
}

// RFC 8555 §7.1.3: a CA may ask for nothing, and a resumed order may be past it.
func TestOrderPastAuthorizationIsNotAuthorized(t *testing.T) {
	for _, status := range []domain.OrderStatus{domain.OrderReady, domain.OrderProcessing, domain.OrderValid} {
		t.Run(string(status), func(t *testing.T) {
			w := newWorld(t)
			place := w.place
			w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
				out, err := place(n, in)
				out.Order.Status = status
				return out, err
			}
			w.run(domain.Certificate{Spec: spec})
			require.Equal(t, []string{"PlaceOrder@0s", "FinalizeOrder@0s", "PlanRenewal@0s"}, w.story)
			require.Equal(t, status, w.finalized[0].Order.Status)
			require.Equal(t, 1, w.next().Cycle)
		})
	}
}

func TestOrderInProcessing(t *testing.T) {
	processing := func(w *world, pause time.Duration, until int) {
		finalize := w.finalize
		w.finalize = func(n int, in ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
			if n < until {
				return ports.FinalizeOrderOutput{RetryAfter: pause}, nil
			}
			return finalize(n, in)
		}
	}
	t.Run("looked at again at the CA's pace", func(t *testing.T) {
		w := newWorld(t)
		processing(w, 20*time.Second, 3)
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, []string{"PlaceOrder@0s", "AuthorizeOrder@0s", "FinalizeOrder@0s", "FinalizeOrder@20s", "FinalizeOrder@40s", "PlanRenewal@40s"}, w.story)
		require.Equal(t, 1, w.next().Cycle)
	})
	t.Run("or at ours", func(t *testing.T) {
		w := newWorld(t)
		processing(w, 0, 2)
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, []time.Duration{processingPause}, w.timers)
	})
	t.Run("given up after an hour, then resumed", func(t *testing.T) {
		w := newWorld(t)
		processing(w, 25*time.Minute, 5)
		w.run(domain.Certificate{Spec: spec})
		require.Len(t, w.recorded, 1)
		require.Equal(t, "OrderStuck", w.recorded[0].Failure.Fault.Reason)
		require.Equal(t, ports.FinalizeOrder.Name, w.recorded[0].Failure.Step)
		require.Equal(t, "order "+chain+"/1", w.recorded[0].OrderID)
		require.Equal(t, []string{chain + "/1", chain + "/1"}, []string{w.placed[0].Key, w.placed[1].Key})
		require.Equal(t, 1, w.next().Cycle)
	})
}

// What is stored is in service, whatever the CA says about renewal.
func TestPlanRenewalThatFailsLosesNothing(t *testing.T) {
	for _, fault := range []*domain.Fault{waitFault, nameFault} {
		t.Run(fault.Reason, func(t *testing.T) {
			w := newWorld(t)
			w.plan = func(int, ports.PlanRenewalInput) (ports.PlanRenewalOutput, error) {
				return ports.PlanRenewalOutput{}, failed(fault)
			}
			w.run(domain.Certificate{Spec: spec})
			state := w.next()
			require.Equal(t, "v1", state.Issued.Version)
			require.Equal(t, domain.PlanRenewal(w.env.Now(), *state.Issued, nil, 0), *state.Renewal)
			require.Nil(t, state.Failure)
			require.Empty(t, w.recorded)
		})
	}
}

// A killed attempt had issued for the old spec and nobody had heard: it is taken into service, and followed at once.
func TestOutdatedCertificateIsFollowedByAnother(t *testing.T) {
	w := newWorld(t)
	place := w.place
	w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
		out, err := place(n, in)
		out.Outdated = n == 1
		return out, err
	}
	told := w.ask(0, ports.EnsureUpdate, ports.EnsureRequest{Spec: changed})
	w.run(domain.Certificate{Spec: changed})
	require.Equal(t, []string{chain + "/1", chain + "/2"}, []string{w.placed[0].Key, w.placed[1].Key})
	require.Equal(t, "v2", told.status.Issued.Version)
	require.Equal(t, 2, w.next().Cycle)
}

func TestTransientFaultIsRetriedInPlace(t *testing.T) {
	w := newWorld(t)
	place := w.place
	w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
		if n < 3 {
			return ports.PlaceOrderOutput{}, failed(waitFault)
		}
		return place(n, in)
	}
	w.run(domain.Certificate{Spec: spec})
	require.Len(t, w.placed, 3)
	require.Empty(t, w.recorded)
	require.Equal(t, 1, w.next().Cycle)
}

func TestStartedWithoutACallerWaiting(t *testing.T) {
	w := newWorld(t)
	w.env.ExecuteWorkflow(ports.CertificateWorkflow, map[string]any{"spec": map[string]any{"names": []string{"a.example.com"}}})
	require.Equal(t, 1, w.next().Cycle)
}

func TestWorkflowIDThatIsNotOurs(t *testing.T) {
	for _, id := range []string{"shop", "certificate/", "order/shop"} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t)
			w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id})
			w.run(domain.Certificate{Spec: spec})
			var application *temporal.ApplicationError
			require.True(t, errors.As(w.env.GetWorkflowError(), &application))
			require.True(t, application.NonRetryable())
			require.Equal(t, string(domain.FaultSpec), application.Type())
			require.ErrorContains(t, application, "certificate/<name>")
			require.Empty(t, w.story)
		})
	}
}
