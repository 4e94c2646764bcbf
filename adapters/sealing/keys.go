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
	"slices"
	"strings"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Keys = (*Keys)(nil)

// Keys makes certificate keys.
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
func (k *Keys) Create(ctx context.Context, keyType domain.KeyType, names []string) (sealedKey, csr []byte, err error) {
	makeKey, ok := makers[keyType]
	if !ok {
		return nil, nil, domain.NewFault(domain.FaultSpec, domain.ReasonUnknownKeyType, nil,
			"keyType: %q is not known: give one of %s",
			keyType, strings.Join(accepted(), ", "))
	}
	key, err := makeKey()
	if err != nil {
		return nil, nil, keyNotMadeFault(keyType, err)
	}
	if csr, err = request(key, names); err != nil {
		return nil, nil, keyNotMadeFault(keyType, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, keyNotMadeFault(keyType, err)
	}
	defer clear(der)
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(private)
	sealedKey, err = k.sealer.Seal(ctx, private)
	if err != nil {
		return nil, nil, err
	}
	return sealedKey, csr, nil
}

// Reuse implements ports.Keys. Faults besides the sealer's: Operator "KeyUnreadable".
func (k *Keys) Reuse(ctx context.Context, sealedKey []byte, names []string) (csr []byte, err error) {
	private, err := k.sealer.Open(ctx, sealedKey)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	if block, _ := pem.Decode(private); block != nil {
		defer clear(block.Bytes)
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			return request(key, names)
		}
	}
	return nil, domain.NewFault(domain.FaultOperator, domain.ReasonKeyUnreadable, nil,
		"the certificate's key cannot be used again: what is stored is not a PKCS #8 private key; set keyRotation to %s",
		domain.RotateAlways)
}

func request(key any, names []string) (csr []byte, err error) {
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
