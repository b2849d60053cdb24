package sqlite

import (
	"context"
	"errors"
	"io/fs"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/larder-sync/larder/table"
)

// primary masks an error code of SQLite's: its higher bits tell details.
const primary = 0xff

// failure gives an error of SQLite's a code and the way out where there is one. The caller's own ending of its context
// stays recognisable as that.
func failure(err error) error {
	var e *driver.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) {
		return err
	}
	var text string
	switch e.Code() & primary {
	default: // what was asked is at fault, not the storage
		return table.Errorf(table.CodeServer, "the database refused").Because(err)
	case lib.SQLITE_TOOBIG, lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH:
		return table.Errorf(table.CodeConstraint, "the database cannot keep this").Because(err)
	case lib.SQLITE_NOMEM, lib.SQLITE_CANTOPEN, lib.SQLITE_PROTOCOL, lib.SQLITE_INTERRUPT, lib.SQLITE_NOLFS:
		text = "the database failed"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		text = "another process keeps the database locked: end it, or try again"
	case lib.SQLITE_FULL:
		text = "the server's disk is full: make room, and try again"
	case lib.SQLITE_IOERR:
		text = "the server's disk cannot be read or written"
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		text = "the database may only be read: give the server the right to write its file and folder"
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		text = "the database file is damaged: restore a backup"
	}
	return table.Errorf(table.CodeStorage, text).Because(err)
}

// unusable is the error of a file that cannot be opened.
func unusable(path string, err error) error {
	var e *driver.Error
	var pe *fs.PathError
	switch {
	case errors.As(err, &pe):
		err = pe.Err // the path is told already
	case errors.As(err, &e) && e.Code()&primary == lib.SQLITE_NOTADB:
		err = errors.New("it is not an SQLite database")
	default:
		err = failure(err)
	}
	return table.Errorf(table.CodeStorage, "the database file ", path,
		" cannot be used (choose another with --db sqlite:PATH)").Because(err)
}
