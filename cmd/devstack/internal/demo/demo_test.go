package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRenewal(t *testing.T) {
	const first, second = `{"phase":"Ready","issued":{"serial":"aa"}}`, `{"phase":"Ready","issued":{"serial":"bb"}}`
	for _, tc := range []struct {
		name  string
		looks []string // answers, the last one repeated; "" is an error
		after time.Duration
		err   string
		said  []string
	}{
		{"at once", []string{second}, 0, "", nil},
		{"after a while", []string{first, first, `{"phase":"Issuing","step":"authorize","issued":{"serial":"aa"}}`,
			second}, 6 * time.Second, "",
			[]string{"  Ready", "  Issuing: authorize"}},
		{"through an outage", []string{first, "", "", second}, 6 * time.Second, "", []string{"  Ready"}},
		{"a lost certificate is none", []string{`{"phase":"Failing"}`, second}, 2 * time.Second, "",
			[]string{"  Failing"}},
		{"never", []string{first}, 60 * time.Second,
			"no renewal within 1m0s: the serial is still aa; last seen: Ready", slices.Repeat([]string{"  Ready"}, 4)},
		{"nobody answers", []string{""}, 60 * time.Second, "last seen: no status: no answer", nil},
		{"it fails", []string{`{"phase":"Failing","issued":{"serial":"aa"},"failure":{"attempts":2,"fault":{"reason":"Refused","message":"CAA forbids"}}}`},
			60 * time.Second, "Failing: attempt 2 failed (Refused: CAA forbids)", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said []string
				n := 0
				w := watch{every: 2 * time.Second, repeat: 15 * time.Second, within: time.Minute,
					say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) },
					look: func(context.Context) (s Status, err error) {
						answer := tc.looks[min(n, len(tc.looks)-1)]
						n++
						if answer == "" {
							return s, errors.New("no answer")
						}
						return s, json.Unmarshal([]byte(answer), &s)
					}}
				begin := time.Now()
				got, err := w.renewal(t.Context(), "aa")
				if took := time.Since(begin); took != tc.after {
					t.Errorf("took %s, want %s", took, tc.after)
				}
				switch {
				case tc.err == "" && (err != nil || got.Serial() != "bb"):
					t.Errorf("got %q, %v", got.Serial(), err)
				case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
					t.Errorf("error %v, want %q", err, tc.err)
				}
				if tc.said != nil && !slices.Equal(said, tc.said) {
					t.Errorf("said %q, want %q", said, tc.said)
				}
			})
		})
	}
}

func TestRenewalEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	died := errors.New("the worker died")
	w := watch{every: time.Hour, within: 2 * time.Hour, say: t.Logf, look: func(context.Context) (Status, error) {
		cancel(died)
		return Status{}, errors.New("no answer")
	}}
	if _, err := w.renewal(ctx, "aa"); !errors.Is(err, died) {
		t.Errorf("error %v", err)
	}
}

func TestHandshake(t *testing.T) {
	root, rootKey := issue(t, "root", nil, nil, 1)
	leaf, leafKey := issue(t, "a.example.test", root, rootKey, 0x0abc)
	stranger, _ := issue(t, "stranger", nil, nil, 1)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(certFile, pemOf("CERTIFICATE", leaf.Raw), 0o600),
		os.WriteFile(keyFile, pemOf("PRIVATE KEY", keyDER), 0o600)); err != nil {
		t.Fatal(err)
	}
	s, err := serve()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	name := []string{"a.example.test"}
	if _, err := s.handshake(t.Context(), pemOf("CERTIFICATE", root.Raw), name, "abc"); err == nil {
		t.Error("a handshake without a certificate succeeded")
	}
	if err := s.use(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		root   *x509.Certificate
		names  []string
		serial string
		ok     bool
	}{
		{"good", root, name, "0abc", true},
		{"another serial", root, name, "abd", false},
		{"no serial", root, name, "", false},
		{"another CA", stranger, name, "abc", false},
		{"a name that it lacks", root, []string{"a.example.test", "b.example.test"}, "abc", false},
		{"no names", root, nil, "abc", false},
	} {
		got, err := s.handshake(t.Context(), pemOf("CERTIFICATE", tc.root.Raw), tc.names, tc.serial)
		if (err == nil) != tc.ok || tc.ok && !got.Equal(leaf) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func issue(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey,
	serial int64) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		DNSNames:  []string{name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		IsCA: parent == nil}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
