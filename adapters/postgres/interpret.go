package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"everleaf/domain"
)

// interpret makes every error of this package a fault. What passes by itself is a Wait; everything else is the
// operator's. The end of ctx stays visible to errors.Is. No row's content gets into an error.
func interpret(err error) error {
	if err == nil {
		return nil
	}
	if fault, ok := errors.AsType[*domain.Fault](err); ok {
		return fault
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return interpretAnswer(answer)
	}
	if disconnected(err) {
		return domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, err, "Postgres is out of reach")
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseError, err, "use Postgres")
}

// interpretAnswer interprets what the server itself said.
func interpretAnswer(answer *pgconn.PgError) error {
	switch {
	case answer.ConstraintName == "orders_one_in_flight_per_names":
		return sameNamesFault("another certificate", redact(answer))
	case passing(answer.Code):
		return domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, redact(answer),
			"Postgres cannot serve just now")
	case refusing(answer.Code):
		return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseRefused, redact(answer),
			"Postgres refuses connections: check user, password and database of "+setting)
	case answer.Code == "42P01" || answer.Code == "42703":
		return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseError, redact(answer),
			"the database's schema does not fit this binary: run `everleaf migrate`")
	case answer.Code == "42501":
		return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseError, redact(answer),
			"the user of "+setting+" lacks a right")
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseError, redact(answer),
		"Postgres refused a statement")
}

// sameNamesFault is final for the step: the backoff schedule waits it out, and the caller is informed.
// sameNamesPause is how soon a certificate looks again whether the other one with its names is done.
const sameNamesPause = 15 * time.Second

func sameNamesFault(holder string, cause error) *domain.Fault {
	return domain.NewFault(domain.FaultWait, domain.ReasonSameNamesInFlight, cause,
		"%s has an order in flight for the same issuer, profile and names: this one is placed when that one is done; "+
			"use one certificate for both if they are the same", holder).WithRetryAfter(sameNamesPause)
}

// passing reports whether an SQLSTATE goes away by themselves (Postgres documentation, appendix A).
func passing(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", "57P05", // shut down, crashed, starting up, idle too long
		"40001", "40P01", "55P03", "57014", // serialization, deadlock, lock not available, statement timeout
		"25006": // read-only: a standby not promoted yet
		return true
	}
	// 08 connection exception, 53 insufficient resources (too many connections, disk full).
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53")
}

// refusing reports whether an SQLSTATE is of a server that is there and lets nobody in: wrong credentials (class 28),
// no such database, a database closed by ALTER DATABASE … ALLOW_CONNECTIONS.
func refusing(code string) bool {
	return strings.HasPrefix(code, "28") || code == "3D000" || code == "55000"
}

func disconnected(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, puddle.ErrClosedPool) || pgconn.SafeToRetry(err) {
		return true
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network
}

// redact keeps what names the fault and drops what can quote rows or parameters: detail and context always, the
// message in class 22 (data exceptions), which quotes the offending value.
func redact(answer *pgconn.PgError) *pgconn.PgError {
	kept := &pgconn.PgError{
		Severity: answer.Severity, Code: answer.Code, Message: answer.Message,
		SchemaName: answer.SchemaName, TableName: answer.TableName, ColumnName: answer.ColumnName,
		ConstraintName: answer.ConstraintName, Routine: answer.Routine,
	}
	if strings.HasPrefix(answer.Code, "22") {
		kept.Message = "a value was refused by " + answer.Routine
	}
	return kept
}
