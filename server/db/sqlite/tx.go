package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/larder-sync/larder/server/db"
)

// Update implements [db.DB]. A context that has ended by the time the writer is free writes nothing; a transaction that has
// begun is not cut off by it, because what is in it belongs to many callers.
func (d *DB) Update(ctx context.Context, fn func(db.Tx) error) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &tx{d: d, ctx: context.WithoutCancel(ctx)}
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // fn failed or panicked, or the commit failed, after which SQLite may or may not have rolled back
			_, rollback := d.writer.ExecContext(t.ctx, "ROLLBACK")
			if err == nil {
				err = failure(rollback)
			}
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if err := t.exec("COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

// tx is the running write transaction.
type tx struct {
	d   *DB
	ctx context.Context
}

// stmt returns the prepared statement of a text. The texts are few: a handful for each table.
func (t *tx) stmt(text string) (*sql.Stmt, error) {
	if s, ok := t.d.stmts[text]; ok {
		return s, nil
	}
	s, err := t.d.writer.PrepareContext(t.ctx, text)
	if err != nil {
		return nil, failure(err)
	}
	t.d.stmts[text] = s
	return s, nil
}

func (t *tx) exec(text string, args ...any) error {
	s, err := t.stmt(text)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(t.ctx, args...)
	return failure(err)
}

// row scans the one row that a query answers; ok is false when there is none.
func (t *tx) row(text string, args []any, dest ...any) (ok bool, err error) {
	s, err := t.stmt(text)
	if err != nil {
		return false, err
	}
	switch err := s.QueryRowContext(t.ctx, args...).Scan(dest...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, failure(err)
	}
	return true, nil
}

func (t *tx) Create(name string) (created bool, err error) {
	known, err := t.row(`SELECT 1 FROM feed WHERE tbl = ?`, []any{name}, new(int))
	if err != nil || known {
		return false, err
	}
	_, err = t.d.writer.ExecContext(t.ctx, `CREATE TABLE `+quote(name)+` (
		seq     INTEGER PRIMARY KEY,
		id      TEXT    NOT NULL UNIQUE,
		deleted INTEGER NOT NULL,
		data    TEXT    NOT NULL)`)
	if err != nil {
		return false, failure(err)
	}
	return true, t.exec(`INSERT INTO feed (tbl, seq, at, boot, live) VALUES (?, 0, 0, '', 0)`, name)
}

// Counter needs no lock of its own: the transaction was begun as SQLite's only writer.
func (t *tx) Counter(name string) (c db.Counter, err error) {
	ok, err := t.row(`SELECT seq, at, boot, live FROM feed WHERE tbl = ?`, []any{name}, &c.Seq, &c.At, &c.Boot, &c.Live)
	if err == nil && !ok {
		err = missing(name)
	}
	return c, err
}

func (t *tx) Advance(name string, c db.Counter) error {
	return t.exec(`UPDATE feed SET seq = ?, at = ?, boot = ?, live = ? WHERE tbl = ?`, c.Seq, c.At, c.Boot, c.Live, name)
}

func (t *tx) Begin(name string, m db.Mark) error {
	return t.exec(`INSERT INTO boot (tbl, first, id) VALUES (?, ?, ?)`, name, m.Seq, m.Boot)
}

func (t *tx) Row(name, id string) (r db.Row, ok bool, err error) {
	ok, err = t.row(`SELECT seq, id, deleted, data FROM `+quote(name)+` WHERE id = ?`, []any{id}, &r.Seq, &r.ID, &r.Deleted, &r.Data)
	return r, ok, err
}

func (t *tx) Put(name string, old int64, r db.Row) error {
	if old == 0 {
		return t.exec(`INSERT INTO `+quote(name)+` (seq, id, deleted, data) VALUES (?, ?, ?, ?)`, r.Seq, r.ID, r.Deleted, string(r.Data))
	}
	return t.exec(`UPDATE `+quote(name)+` SET seq = ?, deleted = ?, data = ? WHERE seq = ?`, r.Seq, r.Deleted, string(r.Data), old)
}

func (t *tx) Client(id string) (c db.Client, err error) {
	_, err = t.row(`SELECT high, expired FROM client WHERE id = ?`, []any{id}, &c.High, &c.Expired)
	return c, err
}

func (t *tx) Verdict(client string, seq int64) (db.Verdict, bool, error) {
	v := db.Verdict{Client: client, Seq: seq}
	var at int64
	ok, err := t.row(`SELECT op, at, status, body FROM verdict WHERE client = ? AND seq = ?`,
		[]any{client, seq}, &v.Op, &at, &v.Status, &v.Body)
	v.At = time.UnixMilli(at)
	return v, ok, err
}

func (t *tx) Settle(v db.Verdict) error {
	if err := t.exec(`INSERT INTO verdict (client, seq, op, at, status, body) VALUES (?, ?, ?, ?, ?, ?)`,
		v.Client, v.Seq, v.Op, v.At.UnixMilli(), v.Status, string(v.Body)); err != nil {
		return err
	}
	return t.exec(`INSERT INTO client (id, high, expired) VALUES (?, ?, 0)
		ON CONFLICT (id) DO UPDATE SET high = max(high, excluded.high)`, v.Client, v.Seq)
}

func (t *tx) Expire(before time.Time) error {
	// The WHERE of the SELECT is also what tells SQLite that ON CONFLICT is not a join's ON.
	if err := t.exec(`INSERT INTO client (id, high, expired)
		SELECT client, max(seq), max(seq) FROM verdict WHERE at < ? GROUP BY client
		ON CONFLICT (id) DO UPDATE SET expired = max(expired, excluded.expired)`, before.UnixMilli()); err != nil {
		return err
	}
	return t.exec(`DELETE FROM verdict WHERE at < ?`, before.UnixMilli())
}
