package sqlite

import (
	"context"
	"errors"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/larder-sync/larder/table"
)

// failure gives an error of SQLite's a code and the way out where there is one. The caller's own ending of its context
// stays recognisable as that.
func failure(err error) error {
	var e *driver.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) {
		return err
	}
	const extended = 8 // bits: the primary code is below
	text := "the database failed"
	switch e.Code() & (1<<extended - 1) {
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
