package postgres

import (
	"strings"
	"time"

	"everleaf/domain"
)

// versionColumns are what versionRow reads, of versions v; all NULL where a LEFT JOIN found none.
const versionColumns = `v.id::text, v.issuer, v.issuer_cn, v.names, v.serial, v.not_before, v.not_after, v.ari_id, v.account_url, v.key_type, v.profile`

// versionRow is a version that may be absent.
type versionRow struct {
	id, issuer, issuerCN, serial, ariID, accountURL, keyType, profile *string
	names                                                             []string
	notBefore, notAfter                                               *time.Time
}

// fields are where to scan versionColumns.
func (r *versionRow) fields() []any {
	return []any{&r.id, &r.issuer, &r.issuerCN, &r.names, &r.serial, &r.notBefore, &r.notAfter, &r.ariID, &r.accountURL,
		&r.keyType, &r.profile}
}

// issued is nil for an absent version.
func (r *versionRow) issued() *domain.Issued {
	if r.id == nil {
		return nil
	}
	return &domain.Issued{Version: *r.id, Issuer: *r.issuer, IssuerCN: *r.issuerCN, Names: r.names, Serial: *r.serial,
		NotBefore: r.notBefore.UTC(), NotAfter: r.notAfter.UTC(), ARIID: *r.ariID, AccountURL: *r.accountURL,
		KeyType: domain.KeyType(*r.keyType), Profile: *r.profile}
}

// text makes what a CA sent storable: Postgres takes neither NUL nor invalid UTF-8, and a failure that cannot be
// stored would never be reported.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// orNull stores an unset time as NULL.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
