package app

import (
	"context"
	"fmt"

	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/ports"
)

// Exported is a certificate in service with its opened private key. KeyPEM is secret: it goes to a file of mode 0600
// and nowhere else.
type Exported struct {
	ChainPEM []byte
	KeyPEM   []byte
	Record   Record
}

// ExportRequest says whose key is wanted, and what the audit keeps of it.
type ExportRequest struct {
	Name string
	// By is who asks, as user@host; Reason is why, in his own words.
	By, Reason string
}

// Export reads the certificate in service from Postgres, writes an event that says who asked, and only then opens its
// key. One that does not open has another event. Faults: Spec "UnknownCertificate", Wait "NotIssuedYet", those of
// ports.Keys. It reads config.Postgres, config.Sealing and config.StartTimeout.
func Export(ctx context.Context, config Config, request ExportRequest) (Exported, error) {
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
	if err := postgres.VerifySealing(ctx, pool, sealer); err != nil {
		return Exported{}, err
	}
	return export(ctx, postgres.NewCatalog(pool), postgres.NewTimelines(pool), sealing.NewKeys(sealer), request)
}

func export(ctx context.Context, catalog ports.Catalog, audit ports.Audit, keys ports.Keys,
	request ExportRequest) (Exported, error) {
	pair, err := catalog.Current(ctx, request.Name)
	if err != nil {
		return Exported{}, err
	}
	issued := pair.Record.Issued
	event := ports.KeyExport{
		Certificate: request.Name, Version: issued.Version, Serial: issued.Serial, By: request.By, Through: "cli",
		Reason: request.Reason,
	}
	if err := audit.RecordExport(ctx, event); err != nil {
		return Exported{}, fmt.Errorf("the key stays sealed, since the export cannot be written down: %w", err)
	}
	key, err := keys.Open(ctx, pair.SealedPair)
	if err != nil {
		event.Failed = domain.AsFault(err)
		_ = audit.RecordExport(ctx, event) // else the audit says that the key was taken out: too much, not too little
		return Exported{}, err
	}
	return Exported{ChainPEM: pair.ChainPEM, KeyPEM: key, Record: pair.Record}, nil
}
