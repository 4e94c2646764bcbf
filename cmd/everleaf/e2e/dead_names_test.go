package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/caller"
	"everleaf/domain"
)

// atBoulder puts the proxy that behaves as Let's Encrypt's CA does in the place of the plain one.
func (s *stack) atBoulder() *acmetest.Boulder {
	s.t.Helper()
	b := acmetest.NewBoulder(s.t, s.ca)
	s.set("EVERLEAF_ACME_DIRECTORY", b.Directory)
	s.set("EVERLEAF_ACME_CA_BUNDLE", b.CABundle)
	return b
}

// The RSA and the ECDSA certificate of one name are asked for at the same time, at a CA that would give both the same
// order: each is issued, on its own order, and neither failed on the way.
func TestRSAAndECDSAAtOnceHaveTheirOwnOrders(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.atBoulder()
	s.worker()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	var both sync.WaitGroup
	for _, keyType := range []domain.KeyType{domain.KeyRSA2048, domain.KeyECDSAP256} {
		both.Go(func() {
			got, err := keeper.Ensure(ctx, s.name+"-"+string(keyType),
				domain.Spec{Names: []string{"pair.example.test"}, KeyType: keyType})
			assert.NoError(t, err)
			assert.True(t, got.Issued != nil && got.Failure == nil, "%+v", got)
		})
	}
	both.Wait()
	require.Equal(t, 2, strings.Count(s.ca.Log(), "Added order"))
	require.Equal(t, 2, s.scalar(`SELECT count(*) FROM orders WHERE state = 'issued'`))
	require.Equal(t, 2, s.scalar(`SELECT count(DISTINCT key_id) FROM orders`))
}

// Names whose owners have left point nowhere. While Everleaf looks for all of their challenges, a good name is served
// at once; and the CA is asked to validate none of the dead ones, so that nothing counts against them.
func TestDeadNamesDelayNobody(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	b := s.atBoulder()
	s.worker()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	const dead = 12 // as many as have their tokens out well within the half minute for which each is looked for
	for i := range dead {
		name := fmt.Sprintf("dead%d.example.test", i)
		answer, err := http.Post(s.ca.DNSManagementURL+"/add-a", "application/json",
			strings.NewReader(fmt.Sprintf(`{"host":%q,"addresses":["127.0.0.2"]}`, name+".")))
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.NoError(t, keeper.Start(ctx, s.name+"-"+name, domain.Spec{Names: []string{name}}))
	}
	s.eventually("the tokens of all dead names",
		func() bool { return s.scalar(`SELECT count(*) FROM http_tokens`) == dead })
	began := time.Now()
	got, err := keeper.Ensure(ctx, s.name+"-good", domain.Spec{Names: []string{"good.example.test"}})
	require.NoError(t, err)
	require.NotNil(t, got.Issued)
	require.Less(t, time.Since(began), 20*time.Second)
	require.Equal(t, dead, s.scalar(`SELECT count(*) FROM http_tokens`), "they are still being looked for")
	require.Equal(t, 1, b.Count(acmetest.PathChallenge), "asked for the good one alone")
}
