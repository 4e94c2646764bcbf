package issuing

import (
	"context"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRevokeCertificate(t *testing.T) {
	in := ports.RevokeCertificateInput{Certificate: certName, Issued: domain.Issued{Version: "v1", Issuer: "default"}, Reason: domain.RevokedKeyCompromise}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("leaf")})
	t.Run("at the CA, then noted", func(t *testing.T) {
		r := newRig(t)
		r.certificates.EXPECT().Chain(anything, "v1").Return(chain, nil)
		r.ca.EXPECT().Revoke(anything, []byte("leaf"), domain.RevokedKeyCompromise, anything).Return(true, nil)
		r.certificates.EXPECT().RecordRevoked(anything, "v1", domain.RevokedKeyCompromise, now).Return(nil)
		out, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
		require.True(t, out.Already)
	})
	t.Run("refused", func(t *testing.T) {
		r := newRig(t)
		r.certificates.EXPECT().Chain(anything, "v1").Return(chain, nil)
		r.ca.EXPECT().Revoke(anything, anything, anything, anything).Return(false, operatorFault)
		_, err := call(r, ports.RevokeCertificate, in)
		_, fault := faultIn(t, err)
		require.Equal(t, operatorFault.Reason, fault.Reason)
	})
	t.Run("not noted: repeated, since the CA says it is revoked", func(t *testing.T) {
		r := newRig(t)
		r.certificates.EXPECT().Chain(anything, "v1").Return(chain, nil)
		r.ca.EXPECT().Revoke(anything, anything, anything, anything).Return(false, nil)
		r.certificates.EXPECT().RecordRevoked(anything, "v1", anything, now).Return(waitFault)
		_, err := call(r, ports.RevokeCertificate, in)
		wire(t, err, domain.NewFault(waitFault.Kind, waitFault.Reason, nil, "%s", waitFault.Error()), true)
	})
	t.Run("the CA is slow: heartbeats", func(t *testing.T) {
		r := newRig(t)
		r.activities.pace.heartbeat = time.Millisecond
		beaten := r.heartbeats()
		r.certificates.EXPECT().Chain(anything, "v1").Return(chain, nil)
		r.ca.EXPECT().Revoke(anything, anything, anything, anything).DoAndReturn(func(context.Context, []byte, domain.RevocationReason, []byte) (bool, error) {
			beaten()
			return false, nil
		})
		r.certificates.EXPECT().RecordRevoked(anything, "v1", anything, now).Return(nil)
		_, err := call(r, ports.RevokeCertificate, in)
		require.NoError(t, err)
	})
	t.Run("a chain that is not PEM", func(t *testing.T) {
		r := newRig(t)
		r.certificates.EXPECT().Chain(anything, "v1").Return([]byte("nothing"), nil)
		_, err := call(r, ports.RevokeCertificate, in)
		_, fault := faultIn(t, err)
		require.Equal(t, "ChainMalformed", fault.Reason)
	})
}
