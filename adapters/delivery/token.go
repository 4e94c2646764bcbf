package delivery

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"everleaf/ports"
)

const (
	// tokenBytes is 256 bit: nobody guesses one, and a fast digest of it is as good as a slow one.
	tokenBytes = 32
	// tokenLife lets a receiver that is busy come later; who needs longer answers with an error and gets a new one.
	tokenLife = 15 * time.Minute
)

// newToken makes a one-time token for the version's key and stores its digest. The token itself is in the returned text
// alone. The target's earlier token for the certificate is void from then on.
func newToken(ctx context.Context, tokens ports.KeyTokens,
	bundle ports.Bundle) (token string, expires time.Time, err error) {
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails: crypto/rand ends the process instead
	token = base64.RawURLEncoding.EncodeToString(random)
	expires, err = tokens.PutToken(ctx, ports.KeyToken{
		Certificate: bundle.Certificate, Target: bundle.Target, Version: bundle.Issued.Version,
		Digest: sha256.Sum256([]byte(token)), Life: tokenLife,
	})
	return token, expires, err
}
