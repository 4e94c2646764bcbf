package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/activities/activitytest"
	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

// TestAKeyServesItsOwnCertificateAlone changes rows as somebody could who can write to the database, and then knocks at
// each door: no key leaves, the CA is not asked to revoke, and each says why. A renewal makes a new key.
func TestAKeyServesItsOwnCertificateAlone(t *testing.T) {
	t.Parallel()
	d := openDoors(t)
	d.renew("first", "") // so there is an account
	for i, c := range []struct {
		what   string
		reason domain.Reason // empty where nothing is wrong
		change string        // SQL; see change
	}{
		{"nothing is changed", "", ``},
		{"keys are swapped between two certificates", domain.ReasonSecretMisplaced, `
			UPDATE keys k SET sealed = o.sealed FROM keys o
			WHERE (k.id, o.id) IN ((@key::uuid, @otherKey::uuid), (@otherKey::uuid, @key::uuid))`},
		{"a key is copied from another version", domain.ReasonSecretMisplaced, `
			UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE id = @earlierKey::uuid) WHERE id = @key::uuid`},
		{"an account's key is in the row", domain.ReasonSecretMisplaced, `
			UPDATE keys SET sealed = (SELECT sealed_key FROM accounts) WHERE id = @key::uuid`},
		{"another certificate's row is renamed", domain.ReasonSecretMisplaced, `
			WITH renamed AS (UPDATE keys SET certificate = @name WHERE id = @otherKey::uuid)
			UPDATE orders SET key_id = @otherKey::uuid WHERE id = @order::uuid`},
		{"another certificate's row is copied", domain.ReasonSecretMisplaced, `
			WITH copied AS (INSERT INTO keys (id, certificate, sealed)
				SELECT gen_random_uuid(), @name, sealed FROM keys WHERE id = @otherKey::uuid RETURNING id)
			UPDATE orders SET key_id = copied.id FROM copied WHERE orders.id = @order::uuid`},
		{"the order refers to another certificate's key", domain.ReasonSecretMisplaced, `
			UPDATE orders SET key_id = @otherKey::uuid WHERE id = @order::uuid`},
		{"the order refers to another version's key", domain.ReasonKeyMismatch, `
			UPDATE orders SET key_id = @earlierKey::uuid WHERE id = @order::uuid`},
		{"the chain is another version's", domain.ReasonKeyMismatch, `
			UPDATE versions SET chain_pem = (SELECT chain_pem FROM versions WHERE id = @earlier::uuid)
			WHERE id = @version::uuid`},
		{"the chain is another certificate's", domain.ReasonKeyMismatch, `
			UPDATE versions SET chain_pem = (SELECT chain_pem FROM versions WHERE id = @other::uuid)
			WHERE id = @version::uuid`},
		{"an octet is changed", domain.ReasonSecretDamaged, `
			UPDATE keys SET sealed = set_byte(sealed, 200, get_byte(sealed, 200) # 1) WHERE id = @key::uuid`},
		{"another master key has sealed it", domain.ReasonSealingKeyWrong, `
			UPDATE keys SET sealed = @foreign::bytea WHERE id = @key::uuid`},
	} {
		t.Run(c.what, func(t *testing.T) {
			d := *d
			d.T = t
			name := fmt.Sprint("web-", i)
			earlier, version, other := d.put(name), d.put(name), d.put(fmt.Sprint("other-", i))
			if c.change != "" {
				d.change(c.change, name, version, earlier, other)
			}
			before := d.leafKey(version)
			token := d.token(name, version)
			if c.reason == "" {
				d.opens(name, version, token)
			} else {
				d.staysShut(name, version, token, c.reason)
			}

			// The key is kept where it can be. Where not, there is a new one, and an event says why.
			renewed := d.renew(name, version)
			lost := d.text(`SELECT coalesce(string_agg(detail ->> 'reason', ' '), '') FROM events
				WHERE certificate = $1 AND type = 'key_lost'`, name)
			require.Equal(t, c.reason == "", before == d.leafKey(renewed))
			require.Equal(t, c.reason == "", lost == "", lost)
			require.NoError(t, d.deliver(name, renewed))
			require.NotNil(t, d.delivered(name))
		})
	}
}

// change runs SQL as a superuser can, past the constraints of the schema. Its arguments are the versions, their keys
// and orders, and a secret that another master key has sealed for the key's place.
func (d *doors) change(sql, name, version, earlier, other string) {
	d.Helper()
	args := pgx.NamedArgs{"name": name, "version": version, "earlier": earlier, "other": other}
	for key, id := range map[string]string{"key": version, "earlierKey": earlier, "otherKey": other} {
		args[key] = d.text(`SELECT o.key_id::text FROM versions v JOIN orders o ON o.id = v.order_id
			WHERE v.id = $1::uuid`, id)
	}
	args["order"] = d.text(`SELECT order_id::text FROM versions WHERE id = $1::uuid`, version)
	foreign, err := d.stranger.Seal(d.Context(), domain.CertificateKeyPlace(name, args["key"].(string)), []byte("lost"))
	require.NoError(d, err)
	args["foreign"] = foreign
	tx, err := d.pool.Begin(d.Context())
	require.NoError(d, err)
	_, err = tx.Exec(d.Context(), `SET LOCAL session_replication_role = replica`)
	require.NoError(d, err)
	tag, err := tx.Exec(d.Context(), sql, args)
	require.NoError(d, err)
	require.NotZero(d, tag.RowsAffected())
	require.NoError(d, tx.Commit(d.Context()))
}

// opens asserts that each door gives the version's key.
func (d *doors) opens(name, version, token string) {
	d.Helper()
	require.NoError(d, d.deliver(name, version))
	require.NotNil(d, d.delivered(name))
	status, combined := d.get("/v1/certificates/"+name, "")
	require.Equal(d, http.StatusOK, status)
	_, err := tls.X509KeyPair([]byte(combined), []byte(combined))
	require.NoError(d, err)
	status, key := d.get("/v1/keys", token)
	require.Equal(d, http.StatusOK, status)
	_, err = tls.X509KeyPair([]byte(combined), []byte(key))
	require.NoError(d, err)
	exported, err := d.export(name)
	require.NoError(d, err)
	require.Equal(d, key, string(exported.KeyPEM))
	require.Error(d, d.revoke(name, version), "the CA did not issue it")
	require.Equal(d, 1, d.ca.Count(acmetest.PathRevoke))
}

// staysShut asserts that no door gives a key, and that each says why.
func (d *doors) staysShut(name, version, token string, reason domain.Reason) {
	d.Helper()
	shut := func(err error) {
		d.Helper()
		_, fault := activitytest.FaultIn(d, err)
		require.Equal(d, []any{domain.FaultOperator, reason}, []any{fault.Kind, fault.Reason}, fault.Message)
		require.NotContains(d, fault.Message, "PRIVATE")
	}
	shut(d.deliver(name, version))
	require.Nil(d, d.delivered(name))

	exported, err := d.export(name)
	require.Equal(d, reason, domain.AsFault(err).Reason, "%v", err)
	require.Zero(d, exported)
	for path, token := range map[string]string{"/v1/certificates/" + name: "", "/v1/keys": token,
		"/v1/certificates/" + name + "?part=key": ""} {
		logged := len(d.logged.String())
		status, body := d.get(path, token)
		require.Equal(d, http.StatusInternalServerError, status, path)
		require.NotContains(d, body, "-----BEGIN", path)
		said, _ := json.Marshal(err.Error())
		require.Contains(d, d.logged.String()[logged:], string(said), path)
	}
	status, body := d.get("/v1/certificates/"+name+"?part=chain", "")
	require.Equal(d, http.StatusOK, status, "a chain is public")
	require.NotContains(d, body, "PRIVATE")

	asked := d.ca.Count(acmetest.PathRevoke)
	shut(d.revoke(name, version))
	require.Equal(d, asked, d.ca.Count(acmetest.PathRevoke))
}

func (d *doors) export(name string) (Exported, error) {
	return export(d.Context(), postgres.NewCatalog(d.pool), postgres.NewTimelines(d.pool), d.keys,
		ExportRequest{Name: name, By: "me@here", Reason: "to see"})
}

// leafKey is the public key that the version's chain is for.
func (d *doors) leafKey(version string) string {
	d.Helper()
	block, _ := pem.Decode([]byte(d.text(`SELECT chain_pem FROM versions WHERE id = $1::uuid`, version)))
	require.NotNil(d, block)
	leaf, err := x509.ParseCertificate(block.Bytes)
	require.NoError(d, err)
	return string(leaf.RawSubjectPublicKeyInfo)
}

// An account's key works for its own account: a certificate's key, or another account's, signs nothing.
func TestAnAccountKeyServesItsOwnAccountAlone(t *testing.T) {
	t.Parallel()
	d := openDoors(t)
	version := d.put("web")
	sealed, err := d.keeper.Seal(t.Context(), domain.AccountKeyPlace("other", d.ca.Directory), []byte("other"))
	require.NoError(t, err)
	accounts := postgres.NewAccounts(d.pool)
	for _, table := range []string{`accounts`, `keys`} {
		if table == "keys" {
			require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT k.sealed FROM keys k JOIN orders o ON o.key_id = k.id
				JOIN versions v ON v.order_id = o.id WHERE v.id = $1::uuid`, version).Scan(&sealed))
		}
		_, err = d.pool.Exec(t.Context(), `DELETE FROM accounts`)
		require.NoError(t, err)
		_, err = accounts.AddAccount(t.Context(), ports.Account{Issuer: domain.DefaultIssuer, Directory: d.ca.Directory,
			URL: d.ca.Directory + "/account", SealedKey: sealed})
		require.NoError(t, err)
		ca, err := acme.New(acme.Config{Issuer: domain.DefaultIssuer, Directory: d.ca.Directory, CABundle: d.ca.CABundle},
			accounts, d.keeper, nil)
		require.NoError(t, err)
		_, err = ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{"web.example.test"}})
		require.Equal(t, domain.ReasonSecretMisplaced, domain.AsFault(err).Reason, "%v", err)
		require.Zero(t, d.ca.Count(acmetest.PathNewOrder))
	}
}
