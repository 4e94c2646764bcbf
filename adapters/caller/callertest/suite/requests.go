package suite

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/caller"
)

// A problem is answered, and is no end: the certificate is kept, and tried again.
func fail(ctx context.Context, t *testing.T, w World) {
	name, spec := w.certificate("problem")
	accept := w.Reject(name)
	_, err := w.Certificates.Ensure(ctx, name, spec)
	require.Contains(t, requireFault(t, err, caller.FaultName, "NameRejected"), "(next try at ")
	status, err := w.Certificates.Status(ctx, name)
	require.NoError(t, err)
	require.Equal(t, caller.PhaseFailing, status.Phase)
	require.Nil(t, status.Issued)
	require.EqualValues(t, "NameRejected", status.Failure.Fault.Reason)
	require.Equal(t, 1, status.Failure.Attempts)
	require.True(t, status.Failure.RetryAt.After(status.Failure.At))
	_, err = w.Certificates.Ensure(ctx, name, spec)
	requireFault(t, err, caller.FaultName, "NameRejected")

	accept()
	_, err = w.Certificates.Ensure(ctx, name, spec)
	requireFault(t, err, caller.FaultName, "NameRejected") // until its next try, which Renew has at once
	status, err = w.Certificates.Renew(ctx, name, caller.RenewRequest{Note: "it is allowed now"})
	require.NoError(t, err)
	require.Equal(t, caller.PhaseReady, status.Phase)
	require.Nil(t, status.Failure)

	accept = w.Reject(name)
	_, err = w.Certificates.Renew(ctx, name, caller.RenewRequest{})
	requireFault(t, err, caller.FaultName, "NameRejected")
	failing := w.looks(ctx, t, name, caller.PhaseFailing, status.Issued.Version)
	require.NotNil(t, failing.Failure, "and the certificate before stays in service")
	accept()
	spec.Names = []string{"other." + spec.Names[0]}
	status, err = w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err, "another spec is tried at once")
	require.Equal(t, spec.Names, status.Issued.Names)
}

func renew(ctx context.Context, t *testing.T, w World) {
	name, _, first := w.kept(ctx, t, "renew")
	renewed, err := w.Certificates.Renew(ctx, name, caller.RenewRequest{Note: "asked by hand"})
	require.NoError(t, err)
	require.Equal(t, 2, renewed.Cycle)
	require.NotEqual(t, first.Issued.Version, renewed.Issued.Version)
	require.NotEqual(t, first.Issued.Serial, renewed.Issued.Serial)
	require.Equal(t, first.Issued.Names, renewed.Issued.Names)
	w.looks(ctx, t, name, caller.PhaseReady, renewed.Issued.Version)
}

// A CA's limit holds back what anybody asks for, but for a Renew with Force: no other attempt is made.
func limited(ctx context.Context, t *testing.T, w World) {
	name, spec, first := w.kept(ctx, t, "limited")
	lift := w.Limit(name)
	renew := func(force bool) (caller.Status, error) {
		return w.Certificates.Renew(ctx, name, caller.RenewRequest{Force: force})
	}
	held := func(err error) *caller.Failure {
		t.Helper()
		require.Contains(t, requireFault(t, err, caller.FaultRateLimited, "RateLimited"), "(next try at ")
		failure := w.looks(ctx, t, name, caller.PhaseFailing, first.Issued.Version).Failure
		require.Equal(t, caller.FaultRateLimited, failure.Fault.Kind)
		require.Equal(t, 1, failure.Attempts)
		return failure
	}
	standing := held(last(renew(false)))
	require.False(t, standing.RetryAt.Before(standing.At.Add(2*time.Hour)), "as the CA asked")
	require.Equal(t, standing, held(last(renew(false))))
	require.True(t, held(last(renew(true))).At.After(standing.At), "it was tried, and limited again")

	lift()
	standing = held(last(renew(false)))
	spec.Names = []string{"other." + spec.Names[0]}
	require.Equal(t, standing, held(last(w.Certificates.Ensure(ctx, name, spec))))
	forced, err := renew(true)
	require.NoError(t, err)
	require.Equal(t, caller.PhaseReady, forced.Phase)
	require.Nil(t, forced.Failure)
	require.Equal(t, spec.Names, forced.Issued.Names)
}

func repeat(ctx context.Context, t *testing.T, w World) {
	name, spec, _ := w.kept(ctx, t, "repeat")
	run, err := w.Certificates.Locate(ctx, name)
	require.NoError(t, err)
	require.NotEmpty(t, run)
	repeating := w.Certificates.Repeat(caller.Request{ID: w.Prefix + "-request", Run: run})
	first, err := repeating.Renew(ctx, name, caller.RenewRequest{})
	require.NoError(t, err)
	require.Equal(t, 2, first.Cycle)
	again, err := repeating.Renew(ctx, name, caller.RenewRequest{})
	require.NoError(t, err)
	require.Equal(t, first, again)
	w.looks(ctx, t, name, caller.PhaseReady, first.Issued.Version)

	_, err = w.Certificates.Retire(ctx, name, caller.RetireRequest{})
	require.NoError(t, err)
	again, err = repeating.Renew(ctx, name, caller.RenewRequest{})
	require.NoError(t, err, "a run that has ended still knows its requests")
	require.Equal(t, first, again)
	_, err = w.Certificates.Repeat(caller.Request{ID: w.Prefix + "-late", Run: run}).Renew(ctx, name,
		caller.RenewRequest{})
	requireFault(t, err, caller.FaultWait, "RunEnded")

	_, err = w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	next, err := w.Certificates.Locate(ctx, name)
	require.NoError(t, err)
	require.NotEqual(t, run, next)
}

func revoke(ctx context.Context, t *testing.T, w World) {
	name, _, first := w.kept(ctx, t, "revoke")
	replaced, err := w.Certificates.Revoke(ctx, name, caller.RevokeRequest{Reason: caller.RevokedSuperseded})
	require.NoError(t, err)
	require.Equal(t, 2, replaced.Cycle)
	require.NotEqual(t, first.Issued.Version, replaced.Issued.Version)
	require.Empty(t, replaced.Revoking, "it is done")
	require.Equal(t, first.Issued.Serial, replaced.Revoked)
	w.looks(ctx, t, name, caller.PhaseReady, replaced.Issued.Version)

	bare, err := w.Certificates.Revoke(ctx, name,
		caller.RevokeRequest{Reason: caller.RevokedCessationOfOperation, WithoutReplacement: true})
	require.NoError(t, err)
	require.Equal(t, replaced.Issued.Version, bare.Issued.Version)
	require.True(t, bare.Issued.Revoked)
	require.Equal(t, replaced.Issued.Serial, bare.Revoked)
	require.Equal(t, 2, bare.Cycle)
}

// What cannot be replaced yet is revoked later, when it is.
func pending(ctx context.Context, t *testing.T, w World) {
	name, _, first := w.kept(ctx, t, "pending")
	accept := w.Reject(name)
	_, err := w.Certificates.Revoke(ctx, name, caller.RevokeRequest{Reason: caller.RevokedSuperseded})
	requireFault(t, err, caller.FaultName, "NameRejected")
	status := w.looks(ctx, t, name, caller.PhaseFailing, first.Issued.Version)
	require.False(t, status.Issued.Revoked)
	require.Len(t, status.Revoking, 1)
	require.Equal(t, first.Issued.Version, status.Revoking[0].Issued.Version)
	require.Equal(t, caller.RevokedSuperseded, status.Revoking[0].Reason)
	accept()
	renewed, err := w.Certificates.Renew(ctx, name, caller.RenewRequest{})
	require.NoError(t, err)
	require.NotEqual(t, first.Issued.Version, renewed.Issued.Version)
	done := w.becomes(ctx, t, name, func(s caller.Status) bool { return len(s.Revoking) == 0 })
	require.Equal(t, renewed.Issued.Version, done.Issued.Version)
	require.False(t, done.Issued.Revoked)
}

func retire(ctx context.Context, t *testing.T, w World) {
	name, spec, first := w.kept(ctx, t, "retire")
	retired, err := w.Certificates.Retire(ctx, name, caller.RetireRequest{Note: "the shop has closed"})
	require.NoError(t, err)
	require.Equal(t, caller.PhaseReleased, retired.Phase)
	require.Equal(t, first.Issued, retired.Issued, "what is stored stays")
	require.Nil(t, retired.Renewal)
	require.False(t, retired.Already)

	_, err = w.Certificates.Status(ctx, name)
	requireFault(t, err, caller.FaultSpec, "WorkflowEnded")
	_, err = w.Certificates.Renew(ctx, name, caller.RenewRequest{})
	requireFault(t, err, caller.FaultSpec, "WorkflowEnded")
	_, err = w.Certificates.Locate(ctx, name)
	requireFault(t, err, caller.FaultSpec, "WorkflowEnded")
	_, err = w.Certificates.Work(ctx, name)
	requireFault(t, err, caller.FaultSpec, "WorkflowEnded")
	again, err := w.Certificates.Retire(ctx, name, caller.RetireRequest{})
	require.NoError(t, err)
	require.True(t, again.Already)
	require.Equal(t, caller.PhaseReleased, again.Phase)

	back, err := w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Equal(t, caller.PhaseReady, back.Phase)
	require.Equal(t, first.Issued, back.Issued, "it is still good")
	require.NotNil(t, back.Renewal)
}

func generations(ctx context.Context, t *testing.T, w World) {
	name, spec := w.certificate("generations")
	ensure := func(expected int64, dryRun bool) (caller.Status, error) {
		request := caller.EnsureRequest{Spec: spec, DryRun: dryRun}
		if !dryRun {
			request.ExpectedGeneration = &expected
		}
		return w.Certificates.As("a test").EnsureWith(ctx, name, request)
	}
	_, err := ensure(0, true)
	requireFault(t, err, caller.FaultSpec, "UnknownCertificate")
	first, err := ensure(0, false)
	require.NoError(t, err)
	require.EqualValues(t, 1, first.Generation)

	spec.Names = append(spec.Names, "more."+spec.Names[0])
	_, err = ensure(0, false)
	requireFault(t, err, caller.FaultSpec, "GenerationConflict")
	dry, err := ensure(0, true)
	require.NoError(t, err)
	require.True(t, dry.DryRun && dry.WouldIssue)
	require.Equal(t, []string{"names: added " + spec.Names[1]}, dry.Changes)
	require.EqualValues(t, 1, w.looks(ctx, t, name, caller.PhaseReady, first.Issued.Version).Generation)
	second, err := ensure(1, false)
	require.NoError(t, err)
	require.EqualValues(t, 2, second.Generation)

	dry, err = ensure(0, true)
	require.NoError(t, err)
	require.True(t, dry.DryRun)
	require.False(t, dry.WouldIssue)
	require.Empty(t, dry.Changes)
	_, err = ensure(1, false)
	requireFault(t, err, caller.FaultSpec, "GenerationConflict")
	require.EqualValues(t, 2, w.looks(ctx, t, name, caller.PhaseReady, second.Issued.Version).Generation)

	_, err = w.Certificates.Retire(ctx, name, caller.RetireRequest{})
	require.NoError(t, err)
	_, err = ensure(0, true)
	requireFault(t, err, caller.FaultSpec, "WorkflowEnded")
	back, err := ensure(2, false)
	require.NoError(t, err)
	require.EqualValues(t, 2, back.Generation)
	other, _ := w.certificate("other-generation")
	_, err = w.Certificates.EnsureWith(ctx, other, caller.EnsureRequest{Spec: spec, ExpectedGeneration: new(int64(7))})
	requireFault(t, err, caller.FaultSpec, "GenerationConflict")
	_, err = w.Certificates.Locate(ctx, other)
	require.Equal(t, caller.FaultSpec, caller.AsFault(err).Kind, "nothing was begun")
}

func deliveries(ctx context.Context, t *testing.T, w World) {
	name, spec := w.certificate("deliveries")
	spec.Deliveries = []string{w.Target}
	status, err := w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	delivered := func(s caller.Status) bool {
		return len(s.Deliveries) == 1 && s.Deliveries[0].Target == w.Target &&
			s.Deliveries[0].Version == status.Issued.Version
	}
	w.becomes(ctx, t, name, delivered)
	retired, err := w.Certificates.Retire(ctx, name, caller.RetireRequest{})
	require.NoError(t, err)
	require.True(t, delivered(retired), "it is left there")
	_, err = w.Certificates.Retire(ctx, name, caller.RetireRequest{RemoveDeliveries: true})
	requireFault(t, err, caller.FaultSpec, "StillDelivered")
	_, err = w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	w.becomes(ctx, t, name, delivered)
	retired, err = w.Certificates.Retire(ctx, name, caller.RetireRequest{RemoveDeliveries: true})
	require.NoError(t, err)
	require.Empty(t, retired.Deliveries)
}

func watch(ctx context.Context, t *testing.T, w World) {
	name, _, first := w.kept(ctx, t, "watch")
	looked, stop := context.WithCancel(ctx)
	defer stop()
	versions, done := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(done)
		defer close(versions)
		for status, err := range w.Certificates.Watch(looked, name, 20*time.Millisecond) {
			if err == nil {
				versions <- status.Issued.Version
			}
		}
	}()
	require.Equal(t, first.Issued.Version, <-versions, "the first one comes at once")
	renewed, err := w.Certificates.Renew(ctx, name, caller.RenewRequest{})
	require.NoError(t, err)
	found := false
	for version := range versions {
		if found = version == renewed.Issued.Version; found {
			break
		}
	}
	require.True(t, found)
	stop()
	<-done // it ends with its context

	unknown, _ := w.certificate("unknown")
	for _, err := range w.Certificates.Watch(ctx, unknown, time.Hour) {
		requireFault(t, err, caller.FaultSpec, "UnknownCertificate")
		break
	}
}

func ended(_ context.Context, t *testing.T, w World) {
	name, spec := w.certificate("ended")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, last(w.Certificates.Ensure(over, name, spec)), context.Canceled)
	require.ErrorIs(t, w.Certificates.Start(over, name, spec), context.Canceled)
	require.ErrorIs(t, last(w.Certificates.Status(over, name)), context.Canceled)
	require.ErrorIs(t, last(w.Certificates.Renew(over, name, caller.RenewRequest{})), context.Canceled)
	for status, err := range w.Certificates.Watch(over, name, time.Hour) {
		require.Fail(t, "it yields nothing of its own end", "%v %v", status, err)
	}
}
