package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/larder-sync/larder/server/db"
)

// each calls fn after each row that a query answers was scanned into dest, and begin before the first of them, each time that
// the query is run.
func (d *DB) each(ctx context.Context, text string, args, dest []any, begin func(), fn func() error) error {
	return again(ctx, func() error {
		begin()
		rows, err := d.pool.Query(ctx, text, args...)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, dest, fn)
		return err
	})
}

// row scans the one row that a query answers; ok is false when there is none.
func (d *DB) row(ctx context.Context, text string, arg any, dest ...any) (ok bool, err error) {
	err = again(ctx, func() error { return d.pool.QueryRow(ctx, text, arg).Scan(dest...) })
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Get implements [db.DB].
func (d *DB) Get(ctx context.Context, name, id string) (r db.Row, ok bool, err error) {
	ok, err = d.row(ctx, `SELECT seq, id, owner, deleted, data FROM `+quote(name)+` WHERE id = $1`, id,
		&r.Seq, &r.ID, &r.Owner, &r.Deleted, &r.Data)
	return r, ok, err
}

// Former implements [db.DB].
func (d *DB) Former(ctx context.Context, name string, ids []string, after int64, limit int) (list []db.Row, err error) {
	var r db.Row
	err = d.each(ctx, `SELECT seq, id, data FROM former WHERE tbl = $1 AND id = ANY($2) AND seq > $3 ORDER BY seq DESC LIMIT $4`,
		[]any{name, ids, after, limit}, []any{&r.Seq, &r.ID, &r.Data}, func() { list = nil }, func() error {
			list = append(list, r)
			r.Data = nil
			return nil
		})
	return list, err
}

// Columns implements [db.DB].
func (d *DB) Columns(ctx context.Context, name string) (list []string, err error) {
	var column string
	err = d.each(ctx, `SELECT name FROM "column" WHERE tbl = $1 ORDER BY name COLLATE "C"`, []any{name}, []any{&column},
		func() { list = nil }, func() error { list = append(list, column); return nil })
	return list, err
}

// Live implements [db.DB].
func (d *DB) Live(ctx context.Context, name string) (n int64, err error) {
	ok, err := d.row(ctx, `SELECT live FROM feed WHERE tbl = $1`, name, &n)
	if err == nil && !ok {
		err = missing(name)
	}
	return n, err
}

// Heads implements [db.DB].
func (d *DB) Heads(ctx context.Context) (map[string]db.Counter, error) {
	heads := map[string]db.Counter{}
	var name string
	var c db.Counter
	err := d.each(ctx, `SELECT tbl, seq, at, boot, live, horizon FROM feed`, nil,
		[]any{&name, &c.Seq, &c.At, &c.Boot, &c.Live, &c.Horizon},
		func() { clear(heads) }, func() error { heads[name] = c; return nil })
	return heads, err
}

// Tail implements [db.DB].
func (d *DB) Tail(ctx context.Context, name string, after int64, limit int) (list []db.Entry, err error) {
	var e db.Entry
	err = d.each(ctx, `SELECT seq, id, owner, deleted, data, false AS gone FROM `+quote(name)+` WHERE seq > $1
		UNION ALL SELECT seq, id, owner, false, '', true FROM moved WHERE tbl = $2 AND seq > $1
		ORDER BY seq, gone DESC LIMIT $3`, []any{after, name, limit},
		[]any{&e.Seq, &e.ID, &e.Owner, &e.Deleted, &e.Data, &e.Left}, func() { list = nil }, func() error {
			list = append(list, e)
			e.Data = nil
			return nil
		})
	return list, err
}
