package postgres_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/ports"
)

// ring is a real key ring of keys in files, distinguished by their octets; the current one first.
func ring(t testing.TB, keys ...byte) *sealing.Keeper {
	t.Helper()
	var urls []string
	for _, key := range keys {
		path := filepath.Join(t.TempDir(), "sealing.key")
		require.NoError(t, os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{key}, 32))),
			0o600))
		urls = append(urls, "file://"+path)
	}
	keeper, err := sealing.Open(t.Context(), sealing.Config{KeyURL: urls[0], OldKeyURLs: urls[1:]})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, keeper.Close()) })
	return keeper
}

func seal(t testing.TB, keeper ports.Sealer, place domain.Place, text string) []byte {
	t.Helper()
	sealed, err := keeper.Seal(t.Context(), place, []byte(text))
	require.NoError(t, err)
	return sealed
}

// Two halves of a roll-out do not take turns as the current key, and an explicit request can go back.
func TestTheLeadChangesOncePerRotation(t *testing.T) {
	s := newStore(t)
	const old, new = 1, 2
	isCurrent := func(keeper *sealing.Keeper) bool {
		return bytes.HasPrefix(query[[]byte](s, `SELECT sealed FROM sealing_check`), keeper.Mark())
	}
	before, known, rotated := ring(t, old), ring(t, old, new), ring(t, new, old)
	for _, keeper := range []*sealing.Keeper{before, known} {
		require.NoError(t, postgres.CheckSealing(t.Context(), s.pool, keeper))
		require.True(t, isCurrent(before))
	}
	err := postgres.CheckSealing(t.Context(), s.pool, ring(t, new))
	fault := requireFault(t, err, domain.FaultOperator, "SealingKeyWrong")
	require.Contains(t, fault.Message, "--sealing-key (EVERLEAF_SEALING_KEY)")
	require.Contains(t, fault.Message, "--sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD)")

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { require.NoError(t, postgres.CheckSealing(t.Context(), s.pool, rotated)) })
	}
	wg.Wait()
	require.True(t, isCurrent(rotated))
	require.NoError(t, postgres.CheckSealing(t.Context(), s.pool, known), "one that is replaced last starts again")
	require.True(t, isCurrent(rotated))
	requireFault(t, postgres.VerifySealing(t.Context(), s.pool, before), domain.FaultOperator, "SealingKeyWrong")
	require.NoError(t, postgres.VerifySealing(t.Context(), s.pool, ring(t, new)), "the old key can go")

	require.NoError(t, postgres.MakeCurrent(t.Context(), s.pool, known))
	require.True(t, isCurrent(known), "back again, on purpose")
	require.NoError(t, postgres.CheckSealing(t.Context(), s.pool, rotated))
	require.True(t, isCurrent(known))

	_, err = s.pool.Exec(t.Context(), `UPDATE sealing_check SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1)`)
	require.NoError(t, err)
	err = postgres.CheckSealing(t.Context(), s.pool, rotated)
	require.ErrorContains(t, err, "sealing_check: a stored secret is damaged")
	requireFault(t, err, domain.FaultOperator, "SecretDamaged")
}

func TestResealingLeavesNothingToTheOldKey(t *testing.T) {
	s := newStore(t)
	before, rotated := ring(t, 1), ring(t, 2, 1)
	require.NoError(t, postgres.CheckSealing(t.Context(), s.pool, before))
	const keys = 250 // more than a page
	for i := range keys {
		order := newOrder(fmt.Sprintf("c%03d", i), "k/1")
		order.SealedKey.Sealed = seal(t, before, domain.CertificateKeyPlace(order.Certificate, order.SealedKey.ID),
			order.Certificate)
		s.open(order)
	}
	accountPlace := domain.AccountKeyPlace("default", "https://ca.example/dir")
	account := ports.Account{Issuer: "default", Directory: "https://ca.example/dir",
		SealedKey: seal(t, before, accountPlace, "account")}
	_, err := s.AddAccount(t.Context(), account)
	require.NoError(t, err)
	_, err = s.pool.Exec(t.Context(), `UPDATE accounts SET next_sealed_key = $1`, seal(t, before, accountPlace, "next"))
	require.NoError(t, err)
	broken := query[string](s, `UPDATE keys SET sealed = set_byte(sealed, 100, get_byte(sealed, 100) # 1)
		WHERE id = (SELECT key_id FROM orders WHERE certificate = 'c007') RETURNING id::text`)

	moved := query[string](s, `UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE certificate = 'c009')
		WHERE certificate = 'c008' RETURNING id::text`)

	resealer := sealing.NewResealer(rotated, postgres.NewSecrets(s.pool), postgres.NewProcesses(s.pool))
	stale := func() int {
		count, err := resealer.Stale(t.Context())
		require.NoError(t, err)
		return count
	}
	require.Zero(t, stale(), "the old key is current")
	page, err := resealer.Reseal(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, ports.ResealedPage{Page: ports.PageState{Done: true}}, page)
	require.NoError(t, postgres.CheckSealing(t.Context(), s.pool, rotated))
	require.Equal(t, keys+2, stale())

	// Two at once, each from its own beginning: nothing is lost, and each secret counts once.
	var wg sync.WaitGroup
	var resealed, failed [2]int
	for i := range 2 {
		wg.Go(func() {
			for after := (ports.PageState{}); !after.Done; {
				page, err := resealer.Reseal(t.Context(), after.After)
				if !assertNoError(t, err) {
					return
				}
				after, resealed[i], failed[i] = page.Page, resealed[i]+page.Resealed, failed[i]+len(page.Failed)
				for _, secret := range page.Failed {
					if !slices.Contains([]ports.UnopenedSecret{
						{Kind: ports.SecretKey, ID: broken, Certificate: "c007", Reason: "SecretDamaged"},
						{Kind: ports.SecretKey, ID: moved, Certificate: "c008", Reason: "SecretMisplaced"},
					}, secret) {
						t.Errorf("unexpected failure %v", secret)
					}
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, keys-2+2, resealed[0]+resealed[1])
	require.Equal(t, [2]int{2, 2}, failed)
	require.Equal(t, 2, stale(), "the damaged one, and the one that was moved")

	after := ring(t, 2)
	require.Equal(t, "account", unseal(s, after, accountPlace, `SELECT sealed_key FROM accounts`))
	require.Equal(t, "next", unseal(s, after, accountPlace, `SELECT next_sealed_key FROM accounts`))
	last := domain.CertificateKeyPlace("c249", query[string](s, `SELECT id::text FROM keys WHERE certificate = 'c249'`))
	require.Equal(t, "c249", unseal(s, after, last, `SELECT sealed FROM keys WHERE certificate = 'c249'`))
	require.Contains(t, query[string](s, `SELECT pg_get_indexdef('keys_mark'::regclass)`), "SUBSTRING")
}

func assertNoError(t testing.TB, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func unseal(s store, keeper ports.Sealer, place domain.Place, sql string) string {
	s.t.Helper()
	text, err := keeper.Open(s.t.Context(), place, query[[]byte](s, sql))
	require.NoError(s.t, err)
	return string(text)
}

// A secret that somebody replaced meanwhile stays as he left it.
func TestReplaceSealedComparesBeforeItSwaps(t *testing.T) {
	s := newStore(t)
	order := newOrder("web", "web/1")
	s.open(order)
	id := query[string](s, `SELECT id::text FROM keys`)
	secrets := postgres.NewSecrets(s.pool)
	for _, c := range []struct {
		was      string
		replaced int
	}{{"something else", 0}, {string(order.SealedKey.Sealed), 1}, {string(order.SealedKey.Sealed), 0}} {
		replaced, err := secrets.ReplaceSealed(t.Context(),
			[]ports.SealedSecret{{Kind: ports.SecretKey, ID: id, Sealed: []byte(c.was)}}, [][]byte{[]byte("resealed")})
		require.NoError(t, err)
		require.Equal(t, c.replaced, replaced)
	}
	require.Equal(t, "resealed", string(query[[]byte](s, `SELECT sealed FROM keys`)))
}

// Two that work on the same secrets in different order wait for each other, and never both for the other.
func TestReplaceSealedLocksInOrder(t *testing.T) {
	s := newStore(t)
	const keys = 100
	var was []ports.SealedSecret
	for i := range keys {
		s.open(newOrder(fmt.Sprintf("c%03d", i), "k/1"))
	}
	rows, err := s.pool.Query(t.Context(), `UPDATE keys SET sealed = 'one' RETURNING id::text`)
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, id := range ids {
		was = append(was, ports.SealedSecret{Kind: ports.SecretKey, ID: id, Sealed: []byte("one")})
	}
	// This plan goes through the secrets in the order of the call.
	_, err = s.pool.Exec(t.Context(), `DO $$ BEGIN
		EXECUTE format('ALTER DATABASE %I SET enable_hashjoin = off', current_database());
		EXECUTE format('ALTER DATABASE %I SET enable_mergejoin = off', current_database());
	END $$`)
	require.NoError(t, err)
	s.pool.Reset()
	backwards := slices.Clone(was)
	slices.Reverse(backwards)
	secrets, same := postgres.NewSecrets(s.pool), slices.Repeat([][]byte{[]byte("one")}, keys)
	var wg sync.WaitGroup
	for _, old := range [][]ports.SealedSecret{was, backwards} {
		wg.Go(func() {
			for range 20 {
				replaced, err := secrets.ReplaceSealed(t.Context(), old, same)
				if assertNoError(t, err) && replaced != keys {
					t.Errorf("%d of %d replaced", replaced, keys)
				}
			}
		})
	}
	wg.Wait()
}

// A damaged secret is reported once, not every ten minutes.
func TestResealingTellsTheSameFailureOnce(t *testing.T) {
	s := newStore(t)
	secrets := postgres.NewSecrets(s.pool)
	one := []ports.UnopenedSecret{{Kind: ports.SecretKey, ID: "k1", Certificate: "web", Reason: "SecretDamaged"}}
	two := append(one, ports.UnopenedSecret{Kind: ports.SecretAccount, ID: "default", Reason: "SealingKeyWrong"})
	for _, run := range []struct {
		resealed int
		failed   []ports.UnopenedSecret
		events   int
	}{{7, one, 1}, {0, one, 1}, {0, two, 2}, {0, two, 2}, {1, two, 3}, {0, nil, 4}, {0, nil, 4}} {
		require.NoError(t, secrets.RecordResealed(t.Context(), run.resealed, run.failed))
		require.Equal(t, run.events, s.count("events"))
	}
	require.JSONEq(t, `{"resealed": 7, "failed": [{"kind": "key", "id": "k1", "certificate": "web", "reason": "SecretDamaged"}]}`,
		query[string](s, `SELECT detail::text FROM events WHERE certificate = '' ORDER BY id LIMIT 1`))
}
