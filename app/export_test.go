package app

import (
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestExportOpensTheKeyOfTheCertificateInService(t *testing.T) {
	t.Parallel()
	pair := ports.KeyPair{
		Record: Record{Name: "a", Issued: &Issued{Version: "v1", Serial: "0a"}},
		SealedPair: ports.SealedPair{Certificate: "a", ChainPEM: []byte("chain"),
			Key: ports.SealedKey{ID: "k1", Sealed: []byte("sealed")}},
	}
	unknown := domain.NewFault(domain.FaultSpec, "UnknownCertificate", nil, "unknown")
	wrong := domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "wrong")
	unwritten := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "away")
	for _, c := range []struct {
		title       string
		catalogErr  error
		auditErr    error
		keysErr     error
		want        Exported
		wantErrored error
	}{
		{"all well", nil, nil, nil, Exported{ChainPEM: []byte("chain"), KeyPEM: []byte("key"), Record: pair.Record},
			nil},
		{"unknown name", unknown, nil, nil, Exported{}, unknown},
		{"another sealing key", nil, nil, wrong, Exported{}, wrong},
		{"nobody could tell later", nil, unwritten, nil, Exported{}, unwritten},
	} {
		t.Run(c.title, func(t *testing.T) {
			controller := gomock.NewController(t)
			defer controller.Finish()
			catalog, keys := mocks.NewMockCatalog(controller), mocks.NewMockKeys(controller)
			catalog.EXPECT().Current(gomock.Any(), "a").Return(pair, c.catalogErr)
			audit := mocks.NewMockAudit(controller)
			var written *gomock.Call
			if c.catalogErr == nil {
				written = audit.EXPECT().RecordExport(gomock.Any(),
					ports.KeyExport{Certificate: "a", Version: "v1", Serial: "0a",
						By: "me@here", Through: "cli", Reason: "to look"}).Return(c.auditErr)
			}
			if c.catalogErr == nil && c.auditErr == nil {
				opened := keys.EXPECT().Open(gomock.Any(), pair.SealedPair).Return([]byte("key"), c.keysErr).After(written)
				if c.keysErr != nil { // or the audit would say that it was taken out
					audit.EXPECT().RecordExport(gomock.Any(), ports.KeyExport{Certificate: "a", Version: "v1", Serial: "0a",
						By: "me@here", Through: "cli", Reason: "to look", Failed: wrong}).After(opened)
				}
			}
			got, err := export(t.Context(), catalog, audit, keys,
				ExportRequest{Name: "a", By: "me@here", Reason: "to look"})
			if c.wantErrored == nil {
				require.NoError(t, err)
			} else {
				require.Equal(t, domain.AsFault(c.wantErrored).Reason, domain.AsFault(err).Reason)
			}
			require.Equal(t, c.want, got)
		})
	}
}
