package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/larder-sync/larder/table"
)

// repeatable reports whether a transaction did not happen for a reason that another attempt may not meet: it collided with
// another server's, which may also have written the same verdict first.
func repeatable(err error) bool {
	return isCode(err, "40001", "40P01", "23505", "55P03")
}

// collided reports whether a migration met another server's.
func collided(err error) bool {
	return isCode(err, "40001", "40P01", "23505", "42P07", "42710", "XX000")
}

// failure gives an error of the database's a code, and the way out where there is one. The caller's own ending of its context,
// and errors that are not the database's, stay what they are.
func failure(err error) error {
	var own *table.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &own) && own.Code != "" { // "" only tells where it happened
		return err
	}
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &connect):
		return table.Errorf(table.CodeStorage, "the database cannot be reached").Because(err)
	case errors.As(err, &e):
		switch {
		case e.Code == "53100":
			return table.Errorf(table.CodeStorage, "the database's disk is full: make room, and try again").Because(err)
		case repeatable(err):
			return table.Errorf(table.CodeStorage, "other servers keep the database busy: try again").Because(err)
		case e.Code == "40003":
			return table.Errorf(table.CodeStorage, "the database does not know whether it is done: try again").Because(err)
		case e.Code == "25006", e.Code == "57P01", e.Code == "57P02", e.Code == "57P03":
			return table.Errorf(table.CodeStorage, "the database is starting, stopping or a standby: try again").Because(err)
		}
		switch e.Code[:2] {
		case "08", "25", "53", "57", "58", "F0", "XX": // connection, resources, intervention, system, damage
			return table.Errorf(table.CodeStorage, "the database failed").Because(err)
		}
		switch e.Code[:2] {
		case "22", "23", "54": // data, constraints, limits such as the size of what is indexed
			return table.Errorf(table.CodeConstraint, "the database cannot keep this").Because(err)
		}
		return table.Errorf(table.CodeServer, "the database refused").Because(err)
	case pgconn.Timeout(err), errors.Is(err, context.DeadlineExceeded):
		return table.Errorf(table.CodeStorage, "the database did not answer in time").Because(err)
	case lost(err):
		return table.Errorf(table.CodeStorage, "the connection to the database was lost").Because(err)
	}
	return err
}

// unusable is the error of a database that cannot be opened.
func unusable(address string, err error) error {
	return table.Errorf(table.CodeStorage, "the database ", Redact(address),
		" cannot be used (choose another with --db postgres://USER:PASSWORD@HOST/NAME)").Because(err)
}

// lost reports whether the connection broke, be it before what was asked came to be sent by it.
func lost(err error) bool {
	var op *net.OpError
	return pgconn.SafeToRetry(err) || errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
