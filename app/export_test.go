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
		Record:   Record{Name: "a", Issued: &Issued{Serial: "0a"}},
		ChainPEM: []byte("chain"), SealedKey: []byte("sealed"),
	}
	unknown := domain.NewFault(domain.FaultSpec, "UnknownCertificate", nil, "unknown")
	wrong := domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "wrong")
	for _, c := range []struct {
		title       string
		catalogErr  error
		sealerErr   error
		want        Exported
		wantErrored error
	}{
		{"all well", nil, nil, Exported{ChainPEM: []byte("chain"), KeyPEM: []byte("key"), Record: pair.Record}, nil},
		{"unknown name", unknown, nil, Exported{}, unknown},
		{"another sealing key", nil, wrong, Exported{}, wrong},
	} {
		t.Run(c.title, func(t *testing.T) {
			controller := gomock.NewController(t)
			defer controller.Finish()
			catalog, sealer := mocks.NewMockCatalog(controller), mocks.NewMockSealer(controller)
			catalog.EXPECT().Current(gomock.Any(), "a").Return(pair, c.catalogErr)
			if c.catalogErr == nil {
				sealer.EXPECT().Open(gomock.Any(), pair.SealedKey).Return([]byte("key"), c.sealerErr)
			}
			got, err := export(t.Context(), catalog, sealer, "a")
			require.Equal(t, c.wantErrored, err)
			require.Equal(t, c.want, got)
		})
	}
}
