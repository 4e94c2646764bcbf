package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestInterpret(t *testing.T) {
	answer := func(code string) error {
		return &pgconn.PgError{Severity: "ERROR", Code: code, Message: "value row content",
			Detail: "Key (csr)=(row content)",
			Where:  "row content", Hint: "row content", InternalQuery: "row content"}
	}
	for name, c := range map[string]struct {
		err    error
		kind   domain.FaultKind
		reason string
	}{
		"shut down":            {answer("57P01"), domain.FaultWait, "DatabaseUnavailable"},
		"crashed":              {answer("57P02"), domain.FaultWait, "DatabaseUnavailable"},
		"starting up":          {answer("57P03"), domain.FaultWait, "DatabaseUnavailable"},
		"too many connections": {answer("53300"), domain.FaultWait, "DatabaseUnavailable"},
		"connection failure":   {answer("08006"), domain.FaultWait, "DatabaseUnavailable"},
		"serialization":        {answer("40001"), domain.FaultWait, "DatabaseUnavailable"},
		"deadlock":             {answer("40P01"), domain.FaultWait, "DatabaseUnavailable"},
		"statement timeout":    {answer("57014"), domain.FaultWait, "DatabaseUnavailable"},
		"standby":              {answer("25006"), domain.FaultWait, "DatabaseUnavailable"},
		"cut":                  {fmt.Errorf("x: %w", io.ErrUnexpectedEOF), domain.FaultWait, "DatabaseUnavailable"},
		"refused": {&net.OpError{Op: "dial", Err: errors.New("refused")}, domain.FaultWait,
			"DatabaseUnavailable"},
		"closed connection": {pgconn.ErrConnClosed, domain.FaultWait, "DatabaseUnavailable"},
		"deadline":          {context.DeadlineExceeded, domain.FaultWait, "DatabaseUnavailable"},
		"password changed":  {answer("28P01"), domain.FaultOperator, "DatabaseRefused"},
		"user locked out":   {answer("28000"), domain.FaultOperator, "DatabaseRefused"},
		"database dropped":  {answer("3D000"), domain.FaultOperator, "DatabaseRefused"},
		"database closed":   {answer("55000"), domain.FaultOperator, "DatabaseRefused"},
		"same names": {&pgconn.PgError{Code: "23505", ConstraintName: "orders_one_in_flight_per_names"},
			domain.FaultWait, "SameNamesInFlight"},
		"another constraint":    {answer("23505"), domain.FaultOperator, "DatabaseError"},
		"no table":              {answer("42P01"), domain.FaultOperator, "DatabaseError"},
		"no right":              {answer("42501"), domain.FaultOperator, "DatabaseError"},
		"bad value":             {answer("22P02"), domain.FaultOperator, "DatabaseError"},
		"unforeseen":            {errors.New("?"), domain.FaultOperator, "DatabaseError"},
		"interpreted elsewhere": {fmt.Errorf("x: %w", unknownOrderFault("1")), domain.FaultOperator, "UnknownOrder"},
	} {
		t.Run(name, func(t *testing.T) {
			got := interpret(c.err)
			fault, ok := errors.AsType[*domain.Fault](got)
			require.True(t, ok)
			require.Equal(t, c.kind, fault.Kind)
			require.EqualValues(t, c.reason, fault.Reason)
			if pg, ok := errors.AsType[*pgconn.PgError](got); ok {
				require.Empty(t, pg.Detail+pg.Where+pg.Hint+pg.InternalQuery)
			}
		})
	}
	require.NoError(t, interpret(nil))
	require.ErrorIs(t, interpret(fmt.Errorf("x: %w", context.Canceled)), context.Canceled)
	require.ErrorIs(t, interpret(context.DeadlineExceeded), context.DeadlineExceeded)
	require.NotContains(t, interpret(answer("22P02")).Error(), "row content")
}
