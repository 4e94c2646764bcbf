package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestChangeIssuesOnlyWhatIsNeeded(t *testing.T) {
	kept := ready()
	kept.Issued.KeyType = domain.KeyECDSAP256
	for name, c := range map[string]struct {
		to      domain.Spec
		reissue bool
		says    string
	}{
		"a name more":          {changed, true, "names: added b.example.com"},
		"another key type":     {domain.Spec{Names: spec.Names, KeyType: domain.KeyRSA2048}, true, "keyType: ecdsa-p256 is now rsa-2048"},
		"another profile":      {domain.Spec{Names: spec.Names, Profile: "shortlived"}, true, "profile: (none) is now shortlived"},
		"another issuer":       {domain.Spec{Names: spec.Names, Issuers: []string{"other"}}, true, "issuers: default is now other"},
		"a second issuer":      {domain.Spec{Names: spec.Names, Issuers: []string{"default", "other"}}, false, "issuers: default is now default, other"},
		"another first issuer": {domain.Spec{Names: spec.Names, Issuers: []string{"other", "default"}}, false, "issuers: default is now other, default"},
		"key rotation":         {domain.Spec{Names: spec.Names, KeyRotation: domain.RotateNever}, false, "keyRotation: Always is now Never"},
		"a target":             {domain.Spec{Names: spec.Names, Deliveries: []string{"disk"}}, false, "deliveries: (none) is now disk"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			told := w.ask(day, ports.EnsureUpdate, ports.EnsureRequest{Spec: c.to})
			twice := w.ask(day, ports.EnsureUpdate, ports.EnsureRequest{Spec: c.to})
			w.run(kept)
			require.NoError(t, told.err)
			require.Equal(t, []string{c.says}, told.status.Changes)
			require.Empty(t, twice.status.Changes, "the second caller changed nothing")
			require.Len(t, w.changes, 1)
			require.Equal(t, c.reissue, w.changes[0].Reissue)
			require.Equal(t, c.reissue, slices.Contains(w.story, "PlaceOrder@24h0m0s"), w.story)
			require.Equal(t, len(c.to.Deliveries) > 0, len(w.delivered) > 0)
		})
	}
}

func TestChangeThatFailsAndIsTakenBack(t *testing.T) {
	w := newWorld(t)
	w.failing(nameFault, 2)
	failed := w.ask(day, ports.EnsureUpdate, ports.EnsureRequest{Spec: changed})
	back := w.ask(day+time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
	w.run(ready())
	require.Equal(t, "CAA", failed.problem(t).Reason)
	require.NoError(t, back.err, "the certificate in service is as wanted")
	require.Equal(t, []string{"names: removed b.example.com"}, back.status.Changes)
	require.Equal(t, day+time.Second, back.at)
	require.Nil(t, back.status.Failure)
	require.Len(t, w.placed, 2, "the renewal is the next order")
	require.Equal(t, spec.Names, w.placed[1].Spec.Names)
}

// several has two issuers to choose from.
var several = domain.Spec{Names: spec.Names, Issuers: []string{"one", "two"}}

func TestFallback(t *testing.T) {
	down := domain.NewFault(domain.FaultCA, "Unreachable", nil, "no route").ForGood()
	limited := domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many").After(34 * time.Hour)
	soon := domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many").After(10 * time.Minute)
	for name, c := range map[string]struct {
		fault *domain.Fault
		falls bool
	}{
		"an outage": {down, true}, "a limit far away": {limited, true}, "a limit nearby": {soon, false},
		"the name's fault": {nameFault, false}, "our database": {waitFault, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			place := w.place
			w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
				if in.Issuer == "one" && w.since() < time.Minute {
					fault := *c.fault
					fault.Final = true
					return ports.PlaceOrderOutput{}, failed(&fault)
				}
				return place(n, in)
			}
			w.run(domain.Certificate{Spec: several})
			require.Equal(t, c.falls, w.placed[len(w.placed)-1].Issuer == "two")
			require.Equal(t, c.falls, w.recorded[0].Next == "two")
			require.Nil(t, w.next().Failure)

			renewal := newWorld(t)
			renewal.run(w.next())
			require.Equal(t, "one", renewal.placed[0].Issuer, "back to the first")
		})
	}
	t.Run("none is left: the failure that is tried again first stands for all", func(t *testing.T) {
		w := newWorld(t)
		place := w.place
		w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
			switch n {
			case 1:
				return ports.PlaceOrderOutput{}, failed(limited)
			case 2:
				return ports.PlaceOrderOutput{}, failed(down)
			default:
				return place(n, in)
			}
		}
		w.run(domain.Certificate{Spec: several})
		require.Equal(t, "one: too many; then two: no route", w.recorded[1].Failure.Fault.Message)
		require.Equal(t, "PlaceOrder@1m0s", w.story[4], w.story)
	})
}

func TestOrderThatRanOutStartsOver(t *testing.T) {
	w := newWorld(t)
	gone := domain.NewFault(domain.FaultWait, domain.ReasonOrderExpired, nil, "expired").ForGood()
	w.authorize = func(n int, _ ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
		if n < 3 {
			err = failed(gone)
		}
		return out, err
	}
	w.run(domain.Certificate{Spec: spec})
	require.Len(t, w.placed, 3)
	require.Empty(t, w.recorded, "no failure")
	require.Nil(t, w.next().Failure)
}

func TestCertificateInServiceIsAdopted(t *testing.T) {
	w := newWorld(t)
	w.place = func(int, ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
		return ports.PlaceOrderOutput{Adopted: ready().Issued, Plan: ready().Renewal}, nil
	}
	told := w.ask(0, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
	w.run(domain.Certificate{Spec: spec})
	require.True(t, w.placed[0].Adopt)
	require.Equal(t, "v3", w.next().Issued.Version)
	require.NoError(t, told.err)
	require.Empty(t, w.obtained)
}

func TestKeyIsNotKeptWhenItMustNotBe(t *testing.T) {
	state := ready()
	state.Spec.KeyRotation = domain.RotateNever
	w := newWorld(t)
	w.run(state)
	require.False(t, w.placed[0].FreshKey)

	state.Failure = &domain.Failure{Fault: domain.Fault{Kind: domain.FaultOperator, Reason: domain.ReasonBadPublicKey}, Attempts: 1, RetryAt: start}
	w = newWorld(t)
	w.run(state)
	require.True(t, w.placed[0].FreshKey, "the CA refused the key")

	state.Failure = nil
	w = newWorld(t)
	w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedKeyCompromise})
	w.run(state)
	require.True(t, w.placed[0].FreshKey, "the key is compromised")
}

func TestTheStepDecidesWhenToTryAgain(t *testing.T) {
	w := newWorld(t)
	w.failing(nameFault, 2)
	w.record = func(_ int, in ports.RecordFailureInput) (ports.RecordFailureOutput, error) {
		decided := domain.Decide(in.Failure.At, in.Previous, &in.Failure.Fault, in.Failure.Step, in.Issued, 0.5)
		return ports.RecordFailureOutput{Failure: &decided}, nil
	}
	w.run(domain.Certificate{Spec: spec})
	require.Contains(t, w.story, "PlaceOrder@1m3s")

	limited := newWorld(t)
	limited.failing(limitedFault, 2)
	forced := limited.ask(time.Hour, ports.RenewUpdate, ports.RenewRequest{Force: true})
	limited.run(domain.Certificate{Spec: spec})
	require.NoError(t, forced.err)
	require.Contains(t, limited.story, "PlaceOrder@1h0m0s")
	require.True(t, limited.obtained[0].Forced, "also where validations failed too often")
	for _, later := range limited.obtained[1:] {
		require.False(t, later.Forced, "once")
	}
}
