package suite

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/caller"
)

// World is an Everleaf that has no certificate whose name begins with Prefix.
type World struct {
	Certificates caller.Certificates
	Prefix       string
	// Target is a delivery target that works.
	Target string
	// Reject has the CA refuse to issue for the certificate, with reason NameRejected, until accept is called.
	Reject func(name string) (accept func())
	// Limit has the CA answer orders for the certificate with a rate limit of two hours, until lift is called.
	Limit func(name string) (lift func())
}

// limit is for one behaviour, which may issue a few certificates at a CA.
const limit = 5 * time.Minute

// Run runs the suite, one behaviour after the other: a CA that rejects may reject all orders.
func Run(t *testing.T, w World) {
	for _, behaviour := range []struct {
		name string
		test func(context.Context, *testing.T, World)
	}{
		{"issue", issue}, {"ensure is idempotent", idempotent}, {"change", change}, {"start", start},
		{"what can never work", refuse}, {"unknown names", unknown}, {"problem", fail}, {"renew", renew},
		{"rate limit", limited}, {"repeat", repeat}, {"revoke", revoke}, {"revoke later", pending}, {"retire", retire},
		{"generations", generations}, {"deliveries", deliveries}, {"watch", watch}, {"the caller's end", ended},
	} {
		t.Run(behaviour.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			behaviour.test(ctx, t, w)
		})
	}
}

// certificate is the name of one, and a spec for it.
func (w World) certificate(label string) (name string, spec caller.Spec) {
	name = w.Prefix + "-" + label
	return name, caller.Spec{Names: []string{name + ".example.test"}}
}

// kept is a certificate that is in service.
func (w World) kept(ctx context.Context, t *testing.T, label string) (name string, spec caller.Spec,
	status caller.Status) {
	t.Helper()
	name, spec = w.certificate(label)
	status, err := w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	return name, spec, status
}

// looks requires that Status shows this certificate in service.
func (w World) looks(ctx context.Context, t *testing.T, name string, phase caller.Phase, version string) caller.Status {
	t.Helper()
	status, err := w.Certificates.Status(ctx, name)
	require.NoError(t, err)
	require.Equal(t, phase, status.Phase)
	require.NotNil(t, status.Issued)
	require.Equal(t, version, status.Issued.Version)
	require.Empty(t, status.Changes, "they are in the answer to Ensure alone")
	require.Empty(t, status.Revoked, "it is in the answer to Revoke alone")
	return status
}

func requireFault(t *testing.T, err error, kind caller.FaultKind, reason string) (message string) {
	t.Helper()
	fault, ok := errors.AsType[*caller.Fault](err)
	require.True(t, ok, "want a fault, got %v", err)
	require.Equal(t, string(kind)+" "+reason, string(fault.Kind)+" "+string(fault.Reason), fault.Message)
	require.NotEmpty(t, fault.Message)
	return fault.Message
}

func issue(ctx context.Context, t *testing.T, w World) {
	name, spec := w.certificate("issue")
	spec.Names = []string{"WWW." + spec.Names[0], spec.Names[0]}
	status, err := w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Equal(t, name, status.Name)
	require.Equal(t, caller.PhaseReady, status.Phase)
	require.Equal(t, 1, status.Cycle)
	require.Nil(t, status.Failure)
	want := []string{strings.ToLower(spec.Names[0]), spec.Names[1]}
	require.Equal(t, want, status.Spec.Names, "normalised")
	require.Equal(t, []string{"default"}, status.Spec.Issuers, "with the defaults")
	require.Equal(t, caller.ChallengeHTTP01, status.Spec.Challenge)
	require.Equal(t, caller.KeyECDSAP256, status.Spec.KeyType)
	require.ElementsMatch(t, want, status.Issued.Names)
	require.Equal(t, "default", status.Issued.Issuer)
	require.Equal(t, caller.KeyECDSAP256, status.Issued.KeyType)
	require.NotEmpty(t, status.Issued.Version)
	require.Regexp(t, "^[0-9a-f]+$", status.Issued.Serial)
	require.True(t, status.Issued.NotBefore.Before(status.Renewal.At) &&
		status.Renewal.At.Before(status.Issued.NotAfter))
	require.NotEmpty(t, status.Renewal.Reason)
	w.looks(ctx, t, name, caller.PhaseReady, status.Issued.Version)
	work, err := w.Certificates.Work(ctx, name)
	require.NoError(t, err)
	require.Empty(t, work, "it is in service, and goes nowhere")
}

func idempotent(ctx context.Context, t *testing.T, w World) {
	name, spec, first := w.kept(ctx, t, "idempotent")
	again, err := w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Empty(t, again.Changes)
	again.Changes, first.Changes = nil, nil
	require.Equal(t, first, again)
}

func change(ctx context.Context, t *testing.T, w World) {
	name, spec, first := w.kept(ctx, t, "change")
	spec.Names = append(spec.Names, "more."+spec.Names[0])
	changed, err := w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Equal(t, []string{"names: added " + spec.Names[1]}, changed.Changes)
	require.Equal(t, spec.Names, changed.Spec.Names)
	require.ElementsMatch(t, spec.Names, changed.Issued.Names)
	require.NotEqual(t, first.Issued.Version, changed.Issued.Version)
	require.Equal(t, 2, changed.Cycle)

	spec.KeyRotation = caller.RotateNever
	same, err := w.Certificates.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Equal(t, []string{"keyRotation: Always is now Never"}, same.Changes)
	require.Equal(t, changed.Issued, same.Issued, "what is in service serves this as well")
	require.Equal(t, 2, same.Cycle)
	require.Equal(t, caller.RotateNever, w.looks(ctx, t, name, caller.PhaseReady, same.Issued.Version).Spec.KeyRotation)
}

func start(ctx context.Context, t *testing.T, w World) {
	name, spec := w.certificate("start")
	require.NoError(t, w.Certificates.Start(ctx, name, spec))
	ready := w.becomes(ctx, t, name, func(s caller.Status) bool { return s.Phase == caller.PhaseReady })
	require.Equal(t, spec.Names, ready.Issued.Names)
	other := spec
	other.Names = []string{"other." + spec.Names[0]}
	require.NoError(t, w.Certificates.Start(ctx, name, other))
	require.Equal(t, spec.Names, w.looks(ctx, t, name, caller.PhaseReady, ready.Issued.Version).Spec.Names,
		"what is kept stays as it is")
}

// becomes watches until the status is as wanted.
func (w World) becomes(ctx context.Context, t *testing.T, name string, wanted func(caller.Status) bool) caller.Status {
	t.Helper()
	for status, err := range w.Certificates.Watch(ctx, name, 50*time.Millisecond) {
		if err == nil && wanted(status) {
			return status
		}
	}
	require.FailNow(t, "it did not become so", name)
	return caller.Status{}
}

func refuse(ctx context.Context, t *testing.T, w World) {
	name, _ := w.certificate("refuse")
	bad := caller.Spec{Names: []string{"a_b.example.test"}}
	_, err := w.Certificates.Ensure(ctx, name, bad)
	requireFault(t, err, caller.FaultSpec, "NameUnderscore")
	requireFault(t, w.Certificates.Start(ctx, name, bad), caller.FaultSpec, "NameUnderscore")
	_, err = w.Certificates.Ensure(ctx, "no spaces", caller.Spec{Names: []string{"www.example.test"}})
	require.Equal(t, caller.FaultSpec, caller.AsFault(err).Kind)
	_, err = w.Certificates.Status(ctx, name)
	requireFault(t, err, caller.FaultSpec, "UnknownCertificate")

	name, _, _ = w.kept(ctx, t, "refuse")
	_, err = w.Certificates.Ensure(ctx, name, bad)
	requireFault(t, err, caller.FaultSpec, "NameUnderscore")
	_, err = w.Certificates.Revoke(ctx, name, caller.RevokeRequest{Reason: "boredom"})
	requireFault(t, err, caller.FaultSpec, "UnknownReason")
	_, err = w.Certificates.Renew(ctx, name, caller.RenewRequest{Note: strings.Repeat("x", 5000)})
	require.Equal(t, caller.FaultSpec, caller.AsFault(err).Kind)
}

func unknown(ctx context.Context, t *testing.T, w World) {
	name, _ := w.certificate("unknown")
	for what, err := range map[string]error{
		"status": last(w.Certificates.Status(ctx, name)),
		"renew":  last(w.Certificates.Renew(ctx, name, caller.RenewRequest{})),
		"revoke": last(w.Certificates.Revoke(ctx, name, caller.RevokeRequest{Reason: caller.RevokedSuperseded})),
		"retire": last(w.Certificates.Retire(ctx, name, caller.RetireRequest{})),
		"work":   last(w.Certificates.Work(ctx, name)),
		"locate": last(w.Certificates.Locate(ctx, name)),
	} {
		require.Contains(t, requireFault(t, err, caller.FaultSpec, "UnknownCertificate"), name, what)
	}
}

func last[T any](_ T, err error) error { return err }
