package pull

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"everleaf/domain"
)

// Readiness shakes hands with the listener over the network and looks at the certificate that it shows; the store is
// not touched. Faults: Operator "PullNotAnswering", and "PullCertificateExpired".
func (s *Server) Readiness(ctx context.Context) (detail string, err error) {
	if _, err := s.CheckCertificate(); err != nil {
		return "", err
	}
	own := s.files.serving()
	dialer := tls.Dialer{Config: &tls.Config{
		InsecureSkipVerify: true, // it is compared instead: this host need not know the roots
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !bytes.Equal(raw[0], own.Raw) && !bytes.Equal(raw[0], s.files.serving().Raw) {
				return errors.New("somebody else answers")
			}
			return nil
		},
	}}
	connection, err := dialer.DialContext(ctx, "tcp", s.Local())
	if err != nil {
		return "", domain.NewFault(domain.FaultOperator, domain.ReasonPullNotAnswering, err,
			"the pull listener does not answer at %s: restart the process", s.Addr())
	}
	_ = connection.Close() // nothing was written
	return "answers at " + s.Addr() + ", its certificate ends at " + own.NotAfter.UTC().Format(time.RFC3339), nil
}

// CheckCertificate is when the listener's own certificate ends. The fault is Operator "PullCertificateExpired".
func (s *Server) CheckCertificate() (end time.Time, err error) {
	end = s.files.serving().NotAfter.UTC()
	if time.Now().After(end) {
		return end, domain.NewFault(domain.FaultOperator, domain.ReasonPullCertificateExpired, nil,
			"the pull listener's own certificate ended at %s: put a new one at --pull-certificate "+
				"(EVERLEAF_PULL_CERTIFICATE) and its key at "+
				"--pull-key (EVERLEAF_PULL_KEY)", end.Format(time.RFC3339))
	}
	return end, nil
}
