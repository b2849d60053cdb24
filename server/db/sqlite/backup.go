package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// Backup writes a copy of the database to a new file, as it is at one moment. Others may read and write meanwhile.
func (d *DB) Backup(ctx context.Context, path string) (err error) {
	// Its owner's alone, as the database is. SQLite takes an empty file for none.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return table.Errorf(table.CodeExists, "the file ", path, " is there already: name another, or delete it")
	}
	if err != nil {
		return table.Errorf(table.CodeStorage, "the backup cannot be written").Because(err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(path)) // half a backup is none
		}
	}()
	// A connection of its own: the readers may write nothing, and the writer is busy.
	pool, err := sql.Open("sqlite", dsn(d.path, []pragma{{"busy_timeout", "5000", "5000"}}))
	if err != nil {
		return failure(err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	if _, err := pool.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return failure(err)
	}
	return f.Sync()
}

// Restore makes a backup the database at path. A database that is there is only replaced if asked for, and if nobody has it
// open. The restore is part of the lineage from then on: clients that have seen what the backup does not contain notice, as they
// do where an old file was put in the place of a newer one.
func Restore(ctx context.Context, backup, path string, replace bool) error {
	if err := inspect(ctx, backup); err != nil {
		return table.Errorf(table.CodeInvalid, "the file ", backup, " is no backup that can be used").Because(err)
	}
	switch _, err := os.Stat(path); {
	case err == nil && !replace:
		return table.Errorf(table.CodeExists, "there is a database at ", path,
			" already: name another with --db, or replace it by --force")
	case err == nil:
		if err := settle(ctx, path); err != nil {
			return table.Errorf(table.CodeBlocked, "the database at ", path, " is in use: stop the server first").Because(err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return unusable(path, err)
	}
	if err := install(ctx, backup, path); err != nil {
		return unusable(path, err)
	}
	return nil
}

// inspect checks that a file is a database of ours, and whole.
func inspect(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if err := register(); err != nil { // indexes are of our own collation
		return err
	}
	pool, err := sql.Open("sqlite", dsn(path, []pragma{{"query_only", "1", "1"}}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	var result string
	if err := pool.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("it is damaged: %s", result)
	}
	var tables int
	if err := pool.QueryRowContext(ctx, "SELECT count(*) FROM feed").Scan(&tables); err != nil {
		return errors.New("it is not one of Larder's")
	}
	return nil
}

// settle moves what is in the write-ahead log into the file, which works only while nobody else has it open.
func settle(ctx context.Context, path string) (err error) {
	pool, err := sql.Open("sqlite", dsn(path, nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	var mode string
	if err := pool.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return errors.New("its log is in use")
	}
	return nil
}

// install copies a file to where it belongs, at once or not at all.
func install(ctx context.Context, backup, path string) (err error) {
	from, err := os.Open(backup)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(path), ".larder-restore-")
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Sync(), to.Close()); err == nil {
		err = part(ctx, to.Name())
	}
	if err == nil {
		err = os.Rename(to.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(to.Name()))
	}
	return nil
}

// part has the tables' lineages go on under a boot of the restore's own, as if it had written: in no other database can that be
// what follows.
func part(ctx context.Context, path string) (err error) {
	d, err := Open(ctx, path, Options{Existing: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	heads, err := d.Heads(ctx)
	if err != nil {
		return err
	}
	boot := strings.ToLower(rand.Text()[:10])
	return d.Update(ctx, func(tx db.Tx) error {
		for name, was := range heads {
			if was.Seq == 0 {
				continue
			}
			now := was
			now.Seq, now.Boot = was.Seq+1, boot
			if err := tx.Advance(name, was, now); err != nil {
				return err
			}
		}
		return nil
	})
}
