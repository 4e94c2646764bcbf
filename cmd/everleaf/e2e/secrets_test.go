package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/sealing"
	"everleaf/domain"
)

// requireNoSecrets looks for the exported key, the account key and the sealing key in every history, in all that the
// worker and the command lines printed, and in all of Postgres.
func (s *stack) requireNoSecrets(dir string) {
	s.t.Helper()
	keyPEM, err := os.ReadFile(filepath.Join(dir, "tls.key"))
	require.NoError(s.t, err)
	sealingKey, err := os.ReadFile(s.sealing)
	require.NoError(s.t, err)

	needles := append(spellings(s.t, keyPEM), s.sealedKeys()...)
	needles = append(needles, strings.TrimSpace(string(sealingKey)))
	places := map[string]string{"the log": s.log.String(), "Postgres": s.dump(), "the histories": s.histories(s.name)}
	for place, text := range places {
		require.NotEmpty(s.t, text, place)
		for _, needle := range needles {
			require.NotContains(s.t, text, needle, "a secret in "+place)
		}
		require.NotContains(s.t, text, "PRIVATE KEY", place)
	}
	require.Contains(s.t, places["the histories"], "life.example.test", "the histories were really read")
	require.Contains(s.t, places["Postgres"], s.name, "the tables were really read")
}

// spellings are the ways in which a key's secret part might have been written down.
func spellings(t testing.TB, keyPEM []byte) []string {
	t.Helper()
	block, _ := pem.Decode(keyPEM)
	require.NotNil(t, block)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	key, ok := parsed.(*ecdsa.PrivateKey)
	require.True(t, ok)
	scalar, err := key.Bytes()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(keyPEM)), "\n")
	return []string{
		lines[1], hex.EncodeToString(scalar), strings.ToUpper(hex.EncodeToString(scalar)),
		base64.StdEncoding.EncodeToString(scalar), base64.RawURLEncoding.EncodeToString(scalar),
		base64.StdEncoding.EncodeToString(block.Bytes), base64.StdEncoding.EncodeToString(keyPEM),
		hex.EncodeToString(block.Bytes),
	}
}

// sealedKeys opens every stored certificate and account key, as only the holder of the sealing key can.
func (s *stack) sealedKeys() (found []string) {
	s.t.Helper()
	ctx := context.Background()
	keeper, err := sealing.Open(ctx, sealing.Config{KeyURL: "file://" + s.sealing})
	require.NoError(s.t, err)
	defer keeper.Close()
	rows, err := s.pool.Query(ctx, `
		SELECT 'account key' AS kind, issuer || ' ' || directory AS owner, sealed_key AS sealed FROM accounts
		UNION ALL SELECT 'certificate key', certificate || ' ' || id, sealed FROM keys`)
	require.NoError(s.t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[struct {
		domain.Place
		Sealed []byte
	}])
	require.NoError(s.t, err)
	require.GreaterOrEqual(s.t, len(all), 3, "the account's, and one of each issuance")
	for _, secret := range all {
		plain, err := keeper.Open(ctx, secret.Place, secret.Sealed)
		require.NoError(s.t, err)
		found = append(found, spellings(s.t, plain)...)
	}
	return found
}

// dump is every row of every table as text, with binary columns in hexadecimal.
func (s *stack) dump() string {
	s.t.Helper()
	ctx := context.Background()
	rows, err := s.pool.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1`)
	require.NoError(s.t, err)
	var tables []string
	for rows.Next() {
		var table string
		require.NoError(s.t, rows.Scan(&table))
		tables = append(tables, table)
	}
	require.NoError(s.t, rows.Err())
	var text strings.Builder
	for _, table := range tables {
		var all string
		require.NoError(s.t, s.pool.QueryRow(ctx,
			`SELECT coalesce(string_agg(t::text, E'\n'), '') FROM `+table+` t`).Scan(&all))
		text.WriteString(table + "\n" + all + "\n")
	}
	return text.String()
}
