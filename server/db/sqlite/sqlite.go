// Package sqlite keeps Larder's tables in one SQLite file.
//
// One connection writes and many read, so that readers never wait for the writer and see whole commits only. In a table
// the rowid is the number of the row's last write: the feed is the table itself, read in its own order, and a page of
// it comes out of SQLite as one value.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver; nothing else here depends on which one it is, but for the DSN's shape and error.go

	"github.com/larder-sync/larder/server/db"
)

//go:embed migration/*.sql
var migrations embed.FS

// Options is how a database is opened. The zero value is the safe choice.
type Options struct {
	// Relaxed lets a commit return before it is on the disk (synchronous=NORMAL). A power cut may then lose the last
	// commits, though never half of one; clients recognise that only when a later write took the lost numbers.
	Relaxed bool
	// Existing refuses to make a file that is not there.
	Existing bool
}

// DB is an open file. It is a [db.DB].
type DB struct {
	path    string
	readers *sql.DB
	pool    *sql.DB // of the one writing connection

	mu     sync.Mutex // holds the writer
	writer *sql.Conn
	stmts  map[string]*sql.Stmt // of the writer, by their text

	rmu    sync.RWMutex
	rstmts map[string]*sql.Stmt // of the readers

	keeper keeper
}

var _ db.DB = (*DB)(nil)

// pragma is a setting and what it must read back as: SQLite ignores what it does not know without a word.
type pragma struct{ name, set, want string }

func settings(o Options) []pragma {
	sync := pragma{"synchronous", "FULL", "2"}
	if o.Relaxed {
		sync = pragma{"synchronous", "NORMAL", "1"}
	}
	return []pragma{
		{"busy_timeout", "5000", "5000"},
		{"journal_mode", "WAL", "wal"},
		sync,
		{"foreign_keys", "1", "1"},
		{"temp_store", "MEMORY", "2"},
		{"cache_size", "-32000", "-32000"},
		{"journal_size_limit", "67108864", "67108864"},
		{"wal_autocheckpoint", "0", "0"}, // see checkpoint.go
	}
}

// dsn is the data source name by which the driver opens path with the settings.
func dsn(path string, set []pragma) string {
	q := url.Values{"_txlock": {"immediate"}, "_error_rc": {"1"}}
	for _, p := range set {
		q.Add("_pragma", p.name+"("+p.set+")")
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return u.String()
}

// Open opens the file, makes it when there is none, and brings it to the shape that this program knows. An error names
// the file and the way out, and has code [table.CodeStorage].
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	if _, err := os.Stat(path); err != nil && o.Existing {
		return nil, unusable(path, err)
	}
	abs, err := place(path)
	if err != nil {
		return nil, err
	}
	d := &DB{path: abs, stmts: map[string]*sql.Stmt{}, rstmts: map[string]*sql.Stmt{}}
	if err := d.open(ctx, abs, o); err != nil {
		return nil, errors.Join(unusable(path, err), d.release())
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, abs string, o Options) (err error) {
	write := settings(o)
	if err := register(); err != nil {
		return err
	}
	if d.pool, err = sql.Open("sqlite", dsn(abs, write)); err != nil {
		return err
	}
	d.pool.SetMaxOpenConns(1)
	if err := migrate(ctx, d.pool); err != nil {
		return err
	}
	if d.writer, err = d.pool.Conn(ctx); err != nil {
		return err
	}
	if err := verify(ctx, d.writer, write); err != nil {
		return err
	}
	// A file that may only be read opens without complaint, and even BEGIN IMMEDIATE just reads it; a write tells, be it
	// of nothing.
	if _, err := d.writer.ExecContext(ctx, "UPDATE goose_db_version SET version_id = version_id WHERE false"); err != nil {
		return err
	}

	read := append(settings(o), pragma{"query_only", "1", "1"})
	if d.readers, err = sql.Open("sqlite", strings.Replace(dsn(abs, read), "_txlock=immediate", "_txlock=deferred", 1)); err != nil {
		return err
	}
	n := 2 * runtime.NumCPU()
	d.readers.SetMaxOpenConns(n)
	d.readers.SetMaxIdleConns(n)
	c, err := d.readers.Conn(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(verify(ctx, c, read), c.Close()); err != nil {
		return err
	}
	return d.keeper.start(abs, write)
}

// place checks what SQLite would report as no more than "unable to open", makes the file if there is none, and returns
// its absolute path.
func place(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", unusable(path, err)
	}
	if st, err := os.Stat(abs); err == nil && st.IsDir() {
		return "", unusable(path, errors.New("it is a folder, not a file"))
	}
	dir := filepath.Dir(abs)
	switch st, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return "", unusable(path, fmt.Errorf("there is no folder %s: make it", filepath.Dir(path)))
	case err != nil:
		return "", unusable(path, err)
	case !st.IsDir():
		return "", unusable(path, fmt.Errorf("%s is not a folder", filepath.Dir(path)))
	}
	// A new file is its owner's alone; the files that SQLite puts beside it take after it. One that is there is not
	// touched: closing it here would end the locks that this process has on it.
	switch f, err := os.OpenFile(abs, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); {
	case err == nil:
		err = f.Close()
		if err != nil {
			return "", unusable(path, err)
		}
	case !errors.Is(err, fs.ErrExist):
		return "", unusable(path, err)
	}
	return abs, nil
}

func migrate(ctx context.Context, pool *sql.DB) error {
	dir, err := fs.Sub(migrations, "migration")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, pool, dir,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()),
		goose.WithGoMigrations(goose.NewGoMigration(3, &goose.GoFunc{RunTx: addOwners}, nil)))
	if err != nil {
		return err
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return fmt.Errorf("it was written by a newer Larder (schema %d, this program knows %d): use that version", current, target)
	}
	_, err = p.Up(ctx)
	return err
}

// addOwners gives the tables that are there the column that later ones are made with.
func addOwners(ctx context.Context, tx *sql.Tx) (err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tbl FROM feed`)
	if err != nil {
		return err
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close())
		}
		names = append(names, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range names {
		column := `ALTER TABLE ` + quote(name) + ` ADD COLUMN owner TEXT NOT NULL DEFAULT ''`
		for _, text := range [...]string{column, createOwnerIndex(name)} {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// createOwnerIndex makes the index by which the rows of one owner are a feed of their own. It costs nothing in a table whose
// rows have none.
func createOwnerIndex(name string) string {
	return `CREATE INDEX "o` + quote(name)[1:] + ` ON ` + quote(name) + ` (owner, seq) WHERE owner <> ''`
}

func verify(ctx context.Context, c *sql.Conn, set []pragma) error {
	for _, p := range set {
		var got string
		if err := c.QueryRowContext(ctx, "PRAGMA "+p.name).Scan(&got); err != nil {
			return err
		}
		if got != p.want {
			return fmt.Errorf("SQLite kept %s=%s where %s was asked for", p.name, got, p.set)
		}
	}
	return nil
}

// Close ends the readers, moves the write-ahead log into the file and closes it.
func (d *DB) Close() error {
	d.keeper.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	ctx := context.Background()
	_, err1 := d.writer.ExecContext(ctx, "PRAGMA optimize")
	_, err2 := d.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(failure(err1), failure(err2), d.release())
}

// release closes what is open.
func (d *DB) release() error {
	d.keeper.stop()
	var errs []error
	for _, s := range d.stmts {
		errs = append(errs, s.Close())
	}
	for _, s := range d.rstmts {
		errs = append(errs, s.Close())
	}
	if d.readers != nil {
		errs = append(errs, d.readers.Close())
	}
	if d.writer != nil {
		errs = append(errs, d.writer.Close())
	}
	if d.pool != nil {
		errs = append(errs, d.pool.Close())
	}
	return errors.Join(errs...)
}
