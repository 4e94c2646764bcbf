package sealing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Keys = (*Keys)(nil)

// Keys makes certificate keys, and opens them for the chain that they are for.
type Keys struct{ sealer ports.Sealer }

// NewKeys seals the keys that it makes with sealer.
func NewKeys(sealer ports.Sealer) *Keys { return &Keys{sealer: sealer} }

// makers is what each key type is made by.
var makers = map[domain.KeyType]func() (crypto.Signer, error){
	domain.KeyECDSAP256: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	domain.KeyECDSAP384: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
	domain.KeyRSA2048:   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
	domain.KeyRSA3072:   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) },
	domain.KeyRSA4096:   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 4096) },
}

// Create implements ports.Keys. The CSR has all names as DNS names and an empty subject: a common name holds 64
// octets at most, is deprecated (RFC 9525 §2), and the CA's profile decides whether the certificate gets one. An
// unknown key type is a Spec fault "UnknownKeyType".
func (k *Keys) Create(ctx context.Context, certificate string, keyType domain.KeyType,
	names []string) (sealed ports.SealedKey, csr []byte, err error) {
	makeKey, ok := makers[keyType]
	if !ok {
		return sealed, nil, domain.NewFault(domain.FaultSpec, domain.ReasonUnknownKeyType, nil,
			"keyType: %q is not known: give one of %s",
			keyType, strings.Join(accepted(), ", "))
	}
	key, err := makeKey()
	if err != nil {
		return sealed, nil, keyNotMadeFault(keyType, err)
	}
	if csr, err = request(key, names); err != nil {
		return sealed, nil, keyNotMadeFault(keyType, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return sealed, nil, keyNotMadeFault(keyType, err)
	}
	defer clear(der)
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(private)
	id := uuid.NewString() // the key is sealed for it, so it is not the database's to make
	content, err := k.sealer.Seal(ctx, domain.CertificateKeyPlace(certificate, id), private)
	if err != nil {
		return sealed, nil, err
	}
	return ports.SealedKey{ID: id, Sealed: content}, csr, nil
}

// Reuse implements ports.Keys.
func (k *Keys) Reuse(ctx context.Context, pair ports.SealedPair, names []string) (csr []byte, err error) {
	key, private, err := k.open(ctx, pair)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	return request(key, names)
}

// Open implements ports.Keys.
func (k *Keys) Open(ctx context.Context, pair ports.SealedPair) (keyPEM []byte, err error) {
	_, keyPEM, err = k.open(ctx, pair)
	return keyPEM, err
}

// open also compares the key with the leaf. Its place alone does not prove that it is the chain's: of two rows that
// refer to a certificate's keys, one may be changed to refer to the other's.
func (k *Keys) open(ctx context.Context, pair ports.SealedPair) (key crypto.Signer, keyPEM []byte, err error) {
	about := fmt.Sprintf("the key of certificate %q", pair.Certificate)
	leaf, err := leafOf(pair.ChainPEM)
	if err != nil {
		return nil, nil, domain.About(err, about)
	}
	about += fmt.Sprintf(", serial %x", leaf.SerialNumber.Bytes())
	if len(pair.Key.Sealed) == 0 {
		return nil, nil, domain.About(forgottenFault(pair.Certificate), about)
	}
	keyPEM, err = k.sealer.Open(ctx, domain.CertificateKeyPlace(pair.Certificate, pair.Key.ID), pair.Key.Sealed)
	if err != nil {
		return nil, nil, domain.About(err, about)
	}
	if key, err = fitting(keyPEM, leaf); err != nil {
		clear(keyPEM)
		return nil, nil, domain.About(err, about)
	}
	return key, keyPEM, nil
}

func leafOf(chainPEM []byte) (*x509.Certificate, error) {
	if block, _ := pem.Decode(chainPEM); block != nil {
		if leaf, err := x509.ParseCertificate(block.Bytes); err == nil {
			return leaf, nil
		}
	}
	return nil, domain.NewFault(domain.FaultOperator, domain.ReasonChainMalformed, nil,
		"the stored chain does not begin with a certificate in PEM")
}

// fitting is the opened key if the leaf is for it.
func fitting(keyPEM []byte, leaf *x509.Certificate) (crypto.Signer, error) {
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, unreadableFault()
	}
	defer clear(block.Bytes)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil { // not kept: it may quote what it read
		return nil, unreadableFault()
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, unreadableFault()
	}
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(leaf.PublicKey) {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonKeyMismatch, nil,
			"the stored key is not the one that the stored chain is for: restore the certificate's rows (orders, versions, "+
				"keys) from a backup of the database, and find out who can write to them")
	}
	return key, nil
}

func unreadableFault() error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonKeyUnreadable, nil,
		"what is stored is not a PKCS #8 private key")
}

func request(key crypto.Signer, names []string) (csr []byte, err error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
}

func accepted() []string {
	var types []string
	for keyType := range makers {
		types = append(types, string(keyType))
	}
	slices.Sort(types)
	return types
}

// keyNotMadeFault is reached by names that do not fit a CSR (x509 quotes the name, never the key).
func keyNotMadeFault(keyType domain.KeyType, err error) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonKeyNotMade, err, "make %s key and CSR", keyType)
}
