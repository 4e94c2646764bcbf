package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (s *statements) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, pgx.TraceQueryStartData{SQL: data.SQL, Args: data.Args})
}

func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// The steps of one certificate read no table from end to end.
func TestNoStatementOfAStepReadsTheWholeFleet(t *testing.T) {
	t.Parallel()
	s, sent := newPlanned(t)
	_, err := s.pool.Exec(t.Context(), `
		INSERT INTO http_tokens (token, order_id, key_authorization) SELECT certificate || issuance_key, id, 'x' FROM orders;
		INSERT INTO failed_validations SELECT 'main', name, '', now() FROM certificates;
		INSERT INTO events (certificate, type, detail) SELECT name, 'issued', '{}' FROM certificates, generate_series(1, 3);
		ANALYZE http_tokens, failed_validations, events`)
	require.NoError(t, err)
	ctx := t.Context()
	validations := postgres.NewValidations(s.pool)
	spec := domain.Spec{Names: []string{"c77.example"}, Deliveries: []string{"hook"}}.WithDefaults()
	version := query[string](s, `SELECT current_version::text FROM certificates WHERE name = 'c77'`)
	next := newOrder("c77", version)
	next.SealedKey, next.KeyOf = ports.SealedKey{}, version
	order := s.open(next)
	failure := domain.Failure{At: noon, RetryAt: noon}
	request := func(kind domain.RequestKind) func() error {
		return func() error {
			_, err := s.RecordRequest(ctx, "c77",
				ports.StoredRequest{Version: version, Fulfilled: true, Changes: []string{"x"}, Request: domain.Request{
					ID: uuid.NewString(), Kind: kind, At: noon, Spec: &spec, Reason: domain.RevokedKeyCompromise}})
			return err
		}
	}
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"Record", func() error { _, err := s.Record(ctx, "c77"); return err }},
		{"FindOrder", func() error { _, _, err := s.FindOrder(ctx, "c77"); return err }},
		{"OpenOrder", func() error { _, err := s.OpenOrder(ctx, next); return err }},
		{"RecordPlaced", func() error { _, err := s.RecordPlaced(ctx, "c77", order.ID, "u", noon); return err }},
		{"PutTokens", func() error { return s.PutTokens(ctx, order.ID, []domain.Challenge{{Token: "t"}}) }},
		{"KeyAuthorizations", func() error { _, err := s.KeyAuthorizations(ctx, []string{"t", "u"}); return err }},
		{"RemoveTokens", func() error { return s.RemoveTokens(ctx, order.ID) }},
		{"FailedValidations", func() error {
			_,
				err := validations.FailedValidations(ctx, "main", []string{"c77"}, noon)
			return err
		}},
		{"RecordFailedValidation", func() error {
			return validations.RecordFailedValidation(ctx, "main", "c77", "u",
				time.Now())
		}},
		{"RecordFailure", func() error { return s.RecordFailure(ctx, "c77", spec, failure) }},
		{"RecordFallback", func() error { return s.RecordFallback(ctx, "c77", "spare", failure) }},
		{"RecordIssued", func() error {
			_, err := s.RecordIssued(ctx, "c77", order.ID, issuedFor(order), []byte("chain"))
			return err
		}},
		{"AbandonOrder", func() error { return s.AbandonOrder(ctx, "c77", order.ID, "x") }},
		{"RecordRenewal", func() error {
			_, err := s.RecordRenewal(ctx, "c77", version, domain.RenewalPlan{},
				noon)
			return err
		}},
		{"Chain", func() error { _, err := s.Chain(ctx, "c77", version); return err }},
		{"SealedPair", func() error { _, err := s.SealedPair(ctx, "c77", version); return err }},
		{"Ensure", request(domain.RequestEnsure)},
		{"Renew", request(domain.RequestRenew)},
		{"Revoke", request(domain.RequestRevoke)},
		{"Retire", request(domain.RequestRetire)},
		{"RecordUnrevoked", func() error { return s.RecordUnrevoked(ctx, "c77", version, failure) }},
		{"RecordRevoked", func() error {
			_, err := s.RecordRevoked(ctx, "c77", version, domain.RevokedSuperseded, noon)
			return err
		}},
		{"RecordReleased", func() error { _, err := s.RecordReleased(ctx, "c77", noon, true); return err }},
		{"Timeline", func() error { _, err := postgres.NewTimelines(s.pool).Timeline(ctx, "c77", 10); return err }},
	} {
		statements := sent.sent(func() { require.NoError(t, c.call(), c.name) })
		require.NotEmpty(t, statements, c.name)
		for _, statement := range statements {
			if statement.SQL == "begin isolation level repeatable read read only" || statement.SQL == "commit" {
				continue
			}
			require.Empty(t, s.scanned(statement), "%s: %s", c.name, statement.SQL)
		}
	}
}
