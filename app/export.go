package app

import (
	"context"

	"everleaf/adapters/postgres"
	"everleaf/ports"
)

// Exported is a certificate in service with its opened private key. KeyPEM is secret: it goes to a file of mode 0600
// and nowhere else.
type Exported struct {
	ChainPEM []byte
	KeyPEM   []byte
	Record   Record
}

// Export reads the certificate in service from Postgres and opens its key. Faults: Spec "UnknownCertificate", Wait
// "NotIssuedYet", Operator "SealingKeyWrong". It reads config.Postgres, config.Sealing and config.StartTimeout.
func Export(ctx context.Context, config Config, name string) (Exported, error) {
	// First, as it fails fast on a malformed key.
	sealer, err := openSealing(ctx, config.Sealing)
	if err != nil {
		return Exported{}, err
	}
	defer func() { _ = sealer.Close() }() // nothing was written through it
	pool, err := openChecked(ctx, config)
	if err != nil {
		return Exported{}, err
	}
	defer pool.Close()
	return export(ctx, postgres.NewCatalog(pool), sealer, name)
}

func export(ctx context.Context, catalog ports.Catalog, sealer ports.Sealer, name string) (Exported, error) {
	pair, err := catalog.Current(ctx, name)
	if err != nil {
		return Exported{}, err
	}
	key, err := sealer.Open(ctx, pair.SealedKey)
	if err != nil {
		return Exported{}, err
	}
	return Exported{ChainPEM: pair.ChainPEM, KeyPEM: key, Record: pair.Record}, nil
}
