package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRevokeCertificate(t *testing.T) {
	in := ports.RevokeCertificateInput{Certificate: certName, Version: "v1"}
	asked := domain.Revocation{Issued: domain.Issued{Version: "v1", Issuer: "default", Serial: "0a"},
		Reason: domain.RevokedKeyCompromise}
	reads := func(r *rig, revocations ...domain.Revocation) {
		r.certificates.EXPECT().Record(anything,
			certName).Return(domain.Record{Issued: &domain.Issued{Version: "v2"}, Revocations: revocations}, nil)
	}
	pair := func(r *rig) { r.certificates.EXPECT().SealedPair(anything, certName, "v1").Return(oldPair, nil) }
	t.Run("at the CA, then noted", func(t *testing.T) {
		r := newRig(t)
		reads(r, domain.Revocation{Issued: domain.Issued{Version: "v0"}}, asked)
		pair(r)
		r.ca.EXPECT().Revoke(anything, leafDER, domain.RevokedKeyCompromise, nil).Return(true, nil)
		r.certificates.EXPECT().RecordRevoked(anything, certName, "v1", domain.RevokedKeyCompromise,
			now).Return(domain.Record{}, nil)
		out, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
		require.True(t, out.Already)
		require.NotEmpty(t, out.Record.ReadBy)
	})
	t.Run("signed by the certificate's key", func(t *testing.T) {
		r := newRig(t)
		signed := asked
		signed.SignedBy = domain.SignedByCertificateKey
		reads(r, signed)
		pair(r)
		r.keys.EXPECT().Open(anything, oldPair).Return([]byte("key"), nil)
		r.ca.EXPECT().Revoke(anything, leafDER, domain.RevokedKeyCompromise, []byte("key")).Return(false, nil)
		r.certificates.EXPECT().RecordRevoked(anything, certName, "v1", anything, now).Return(domain.Record{}, nil)
		out, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
		require.False(t, out.Already)
	})
	t.Run("a key that does not open: the CA is not asked", func(t *testing.T) {
		r := newRig(t)
		signed := asked
		signed.SignedBy = domain.SignedByCertificateKey
		reads(r, signed)
		pair(r)
		r.keys.EXPECT().Open(anything, oldPair).Return(nil,
			domain.NewFault(domain.FaultOperator, "SecretDamaged", nil, "damaged"))
		_, err := call(r, ports.RevokeCertificate, in)
		_, fault := faultIn(t, err)
		require.EqualValues(t, "SecretDamaged", fault.Reason)
	})
	t.Run("not pending, revoked or expired: nothing is asked for", func(t *testing.T) {
		r := newRig(t)
		reads(r)
		out, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
		require.True(t, out.Already)
		require.Equal(t, "v2", out.Record.Issued.Version)
	})
	t.Run("in service and to be replaced first: left alone in any case", func(t *testing.T) {
		r := newRig(t)
		r.certificates.EXPECT().Record(anything,
			certName).Return(domain.Record{Issued: &asked.Issued, Revocations: []domain.Revocation{asked}}, nil)
		out, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
		require.False(t, out.Already)
		require.Len(t, out.Record.Revocations, 1)
	})
	t.Run("in service, and nothing is to replace it", func(t *testing.T) {
		r := newRig(t)
		alone := asked
		alone.WithoutReplacement = true
		r.certificates.EXPECT().Record(anything,
			certName).Return(domain.Record{Issued: &asked.Issued, Revocations: []domain.Revocation{alone}}, nil)
		pair(r)
		r.ca.EXPECT().Revoke(anything, anything, anything, anything).Return(false, nil)
		r.certificates.EXPECT().RecordRevoked(anything, certName, "v1", anything, now).Return(domain.Record{}, nil)
		_, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
	})
	t.Run("the CA is slow: heartbeats", func(t *testing.T) {
		r := newRig(t)
		r.activities.pace.heartbeat = time.Millisecond
		reads(r, asked)
		pair(r)
		r.ca.EXPECT().Revoke(anything, anything, anything,
			anything).DoAndReturn(func(context.Context, []byte, domain.RevocationReason, []byte) (bool, error) {
			r.beat()
			return false, nil
		})
		r.certificates.EXPECT().RecordRevoked(anything, certName, "v1", anything, now).Return(domain.Record{}, nil)
		_, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
	})
	t.Run("a chain that is not PEM", func(t *testing.T) {
		r := newRig(t)
		reads(r, asked)
		r.certificates.EXPECT().SealedPair(anything, certName,
			"v1").Return(ports.SealedPair{ChainPEM: []byte("nothing")}, nil)
		_, err := call(r, ports.RevokeCertificate, in)
		_, fault := faultIn(t, err)
		require.EqualValues(t, "ChainMalformed", fault.Reason)
	})
	for name, c := range map[string]struct {
		expect    func(*rig, *domain.Fault)
		fault     *domain.Fault
		retryable bool
	}{
		"not read": {func(r *rig, f *domain.Fault) {
			r.certificates.EXPECT().Record(anything, certName).Return(domain.Record{}, f)
		}, waitFault, true},
		"refused": {func(r *rig, f *domain.Fault) {
			reads(r, asked)
			pair(r)
			r.ca.EXPECT().Revoke(anything, anything, anything, anything).Return(false, f)
		}, operatorFault, false},
		"not noted: repeated, since the CA says that it is revoked": {func(r *rig, f *domain.Fault) {
			reads(r, asked)
			pair(r)
			r.ca.EXPECT().Revoke(anything, anything, anything, anything).Return(false, nil)
			r.certificates.EXPECT().RecordRevoked(anything, certName, "v1", anything, now).Return(domain.Record{}, f)
		}, waitFault, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c.expect(r, c.fault)
			_, err := call(r, ports.RevokeCertificate, in)
			wire(t, err, c.fault, c.retryable)
		})
	}
}
