package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/larder-sync/larder/server/db"
)

// each calls fn after each row that a query answers was scanned into dest.
func (d *DB) each(ctx context.Context, text string, args, dest []any, fn func() error) error {
	rows, err := d.pool.Query(ctx, text, args...)
	if err != nil {
		return failure(err)
	}
	_, err = pgx.ForEachRow(rows, dest, fn)
	return failure(err)
}

// Get implements [db.DB].
func (d *DB) Get(ctx context.Context, name, id string) (r db.Row, ok bool, err error) {
	err = d.pool.QueryRow(ctx, `SELECT seq, id, owner, deleted, data FROM `+quote(name)+` WHERE id = $1`, id).
		Scan(&r.Seq, &r.ID, &r.Owner, &r.Deleted, &r.Data)
	if errors.Is(err, pgx.ErrNoRows) {
		return db.Row{}, false, nil
	}
	return r, err == nil, failure(err)
}

// Live implements [db.DB].
func (d *DB) Live(ctx context.Context, name string) (n int64, err error) {
	err = d.pool.QueryRow(ctx, `SELECT live FROM feed WHERE tbl = $1`, name).Scan(&n)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, missing(name)
	}
	return n, failure(err)
}

// Heads implements [db.DB].
func (d *DB) Heads(ctx context.Context) (map[string]db.Counter, error) {
	heads := map[string]db.Counter{}
	var name string
	var c db.Counter
	err := d.each(ctx, `SELECT tbl, seq, at, boot, live, horizon FROM feed`, nil,
		[]any{&name, &c.Seq, &c.At, &c.Boot, &c.Live, &c.Horizon}, func() error { heads[name] = c; return nil })
	return heads, err
}

// Tail implements [db.DB].
func (d *DB) Tail(ctx context.Context, name string, after int64, limit int) (list []db.Entry, err error) {
	var e db.Entry
	err = d.each(ctx, `SELECT seq, id, owner, deleted, data, false AS gone FROM `+quote(name)+` WHERE seq > $1
		UNION ALL SELECT seq, id, owner, false, '', true FROM moved WHERE tbl = $2 AND seq > $1
		ORDER BY seq, gone DESC LIMIT $3`, []any{after, name, limit},
		[]any{&e.Seq, &e.ID, &e.Owner, &e.Deleted, &e.Data, &e.Left}, func() error {
			list = append(list, e)
			e.Data = nil
			return nil
		})
	return list, err
}
