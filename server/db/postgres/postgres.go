// Package postgres keeps Larder's tables in a PostgreSQL database, which any number of servers may share.
//
// It needs plain tables, transactions and row locks only: no triggers, sequences, advisory locks or savepoints, so that
// CockroachDB, YugabyteDB and Citus do as well. Servers wait for each other at the counter of a table and nowhere else;
// what the database wants run again (SQLSTATE 40001, 40P01) is run again.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/larder-sync/larder/server/db"
)

//go:embed migration/*.sql
var migrations embed.FS

const (
	connectTime = 5 * time.Second  // for a connection, unless the URL has a connect_timeout
	writeTime   = 30 * time.Second // for a write transaction, waiting for the counter included
	starts      = 10               // of a migration that another server's is in the way of
	// Of a transaction that the database wants run again. Where it makes all of them serializable, each that waited for a
	// counter has to be.
	tries = 100
)

// DB is a pool of connections to a database. It is a [db.DB].
type DB struct {
	pool *pgxpool.Pool

	hints   atomic.Bool // somebody here listens, so others may as well
	telling atomic.Bool // a hint is about to be given
}

var (
	_ db.DB     = (*DB)(nil)
	_ db.Hinter = (*DB)(nil)
)

// Open connects to the database that a URL like postgres://user:password@host:5432/name names, and brings it to the shape that
// this program knows. The URL's parameters are pgx's, pool_max_conns and default_query_exec_mode among them. An error
// names the database, without its password, and the way out, and has code [table.CodeStorage].
func Open(ctx context.Context, address string) (*DB, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, unusable(address, err)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	if !strings.Contains(address, "pool_max_conns") {
		config.MaxConns = int32(max(8, 4*runtime.NumCPU()))
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, unusable(address, err)
	}
	d := &DB{pool: pool}
	if err := d.prepare(ctx); err != nil {
		pool.Close()
		return nil, unusable(address, err)
	}
	return d, nil
}

func (d *DB) prepare(ctx context.Context) (err error) {
	// Servers that start together on a new database make the same tables: all but one fail, and then find them.
	for range starts {
		if err = d.check(ctx); err == nil {
			err = d.migrate(ctx)
		}
		if !collided(err) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return err
}

// check reports a database that cannot hold every text.
func (d *DB) check(ctx context.Context) error {
	var encoding string
	if err := d.pool.QueryRow(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return err
	}
	if !strings.EqualFold(strings.ReplaceAll(encoding, "-", ""), "UTF8") {
		return fmt.Errorf("its encoding is %s: make one with ENCODING 'UTF8'", encoding)
	}
	return nil
}

func (d *DB) migrate(ctx context.Context) (err error) {
	dir, err := fs.Sub(migrations, "migration")
	if err != nil {
		return err
	}
	pool := stdlib.OpenDBFromPool(d.pool)
	defer func() { err = errors.Join(err, pool.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, pool, dir,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
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

// Update implements [db.DB]. A context that has ended before the transaction begins writes nothing; one that has begun is not
// cut off by it, because what is in it belongs to many callers.
func (d *DB) Update(ctx context.Context, fn func(db.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	return again(ctx, func() error { return d.attempt(ctx, fn) })
}

// again runs fn until the database does not want it run again.
func again(ctx context.Context, fn func() error) (err error) {
	for range tries {
		if err = fn(); !repeatable(err) {
			break
		}
		if err := pause(ctx); err != nil {
			return failure(err)
		}
	}
	return failure(err)
}

// pause waits a moment that is not the same for all who collided.
func pause(ctx context.Context) error {
	select {
	case <-time.After(time.Duration(5+rand.IntN(45)) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *DB) attempt(ctx context.Context, fn func(db.Tx) error) error {
	// A server that stops in the middle, but not its connection, must not hold the others up for ever.
	begun, err := d.pool.BeginTx(ctx, pgx.TxOptions{
		BeginQuery: `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '30s'`,
	})
	if err != nil {
		return err
	}
	defer func() { _ = begun.Rollback(context.WithoutCancel(ctx)) }() // after a commit it says that there is nothing to undo
	if err := fn(&tx{begun, ctx}); err != nil {
		return err
	}
	if err := begun.Commit(ctx); err != nil {
		return err
	}
	d.tell()
	return nil
}

// Close waits for what is running and ends the connections.
func (d *DB) Close() error {
	d.pool.Close()
	return nil
}

// Redact returns the URL without its password.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres://…"
	}
	return u.Redacted()
}

// isCode reports whether err is one of the database's with one of these SQLSTATEs.
func isCode(err error, codes ...string) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code == code {
			return true
		}
	}
	return false
}
