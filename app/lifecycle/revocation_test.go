package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

var delivered = domain.Spec{Names: spec.Names, Deliveries: []string{"lb"}}

func TestRevokeReplacesAndDeliversFirst(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedKeyCompromise,
		Note: "found on a disk"})
	w.lives(delivered, 2*day)
	status := asked.ok(t)
	require.Equal(t, "v2", status.Issued.Version)
	require.Equal(t, "01", status.Revoked, "the serial of v1")
	require.Empty(t, status.Revoking)
	require.Equal(t, []string{
		"ObtainCertificate", "DeliverCertificate", "ObtainCertificate", "DeliverCertificate", "RevokeCertificate",
	}, w.steps())
	require.Equal(t, []ports.RevokeCertificateInput{{Certificate: certName, Version: "v1"}},
		inputsOf(w, ports.RevokeCertificate))
	require.True(t, inputsOf(w, ports.ObtainCertificate)[1].NewKey)
	request := inputsOf(w, ports.RecordRequest)[1].Request
	require.Equal(t, domain.RevokedKeyCompromise, request.Reason)
	require.Equal(t, "found on a disk", request.Note)
}

func TestRevokeWithoutReplacement(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{WithoutReplacement: true,
		SignedBy: domain.SignedByCertificateKey})
	w.lives(spec, 2*day)
	status := asked.ok(t)
	require.Equal(t, "v1", status.Issued.Version)
	require.True(t, status.Issued.Revoked)
	require.Equal(t, "01", status.Revoked)
	require.Equal(t, []string{"ObtainCertificate", "RevokeCertificate"}, w.steps())
	require.Equal(t, domain.SignedByCertificateKey, inputsOf(w, ports.RecordRequest)[1].Request.SignedBy)
}

func TestNothingToRevoke(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{nameFault, nameFault}
	asked := w.ask(time.Second, ports.RevokeUpdate, ports.RevokeRequest{})
	w.lives(spec, time.Minute)
	require.Equal(t, domain.ReasonNothingToRevoke, asked.problem(t).Reason)
}

// What is not replaced is not revoked; the caller gets the reason.
func TestReplacementFails(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.failures[ports.ObtainCertificate.Name] = []error{nameFault} })
	asked := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{})
	w.lives(spec, 2*day)
	require.Equal(t, nameFault.Reason, asked.problem(t).Reason)
	require.Equal(t, day, asked.at)
	require.Equal(t, []string{"ObtainCertificate", "ObtainCertificate", "ObtainCertificate", "RevokeCertificate"},
		w.steps())
}

func TestRevocationFailsAndIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.RevokeCertificate.Name] = []error{caFault}
	asked := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{})
	w.lives(spec, 2*day)
	require.Equal(t, caFault.Reason, asked.problem(t).Reason)
	require.Equal(t, []string{"ObtainCertificate", "ObtainCertificate", "RevokeCertificate", "RevokeCertificate"},
		w.steps())
	require.Empty(t, w.record.Revocations)
}

// A target that does not take the replacement holds the revocation up until its time limit.
func TestRevocationWaitsForTargets(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		for range 100 {
			w.failures[ports.DeliverCertificate.Name] = append(w.failures[ports.DeliverCertificate.Name], waitFault)
		}
	})
	asked := w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{})
	w.lives(delivered, 3*day)
	require.Equal(t, domain.ReasonReplacementNotDelivered, asked.problem(t).Reason)
	require.Contains(t, w.calls, "RevokeCertificate@48h0m0s")
}
