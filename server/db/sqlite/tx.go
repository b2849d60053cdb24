package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
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
	d.keeper.committed(t.pages)
	return nil
}

// tx is the running write transaction.
type tx struct {
	d     *DB
	ctx   context.Context
	pages int // about how many it writes
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

// each calls fn with each row that a statement answers.
func (t *tx) each(text string, args []any, fn func(*sql.Rows) error) (err error) {
	s, err := t.stmt(text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return failure(err)
	}
	defer func() { err = errors.Join(err, failure(rows.Close())) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return failure(err)
		}
	}
	return failure(rows.Err())
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
		data    TEXT    NOT NULL,
		owner   TEXT    NOT NULL DEFAULT '')`)
	if err == nil {
		_, err = t.d.writer.ExecContext(t.ctx, createOwnerIndex(name))
	}
	if err != nil {
		return false, failure(err)
	}
	return true, t.exec(`INSERT INTO feed (tbl, seq, at, boot, live) VALUES (?, 0, 0, '', 0)`, name)
}

// Counter needs no lock of its own: the transaction was begun as SQLite's only writer.
func (t *tx) Counter(name string) (c db.Counter, err error) {
	ok, err := t.row(counterText, []any{name},
		&c.Seq, &c.At, &c.Boot, &c.Live, &c.Horizon)
	if err == nil && !ok {
		err = missing(name)
	}
	return c, err
}

func (t *tx) Advance(name string, was, now db.Counter) error {
	if err := t.exec(`UPDATE feed SET seq = ?, at = ?, boot = ?, live = ?, horizon = ? WHERE tbl = ?`,
		now.Seq, now.At, now.Boot, now.Live, now.Horizon, name); err != nil || now.Boot == was.Boot {
		return err
	}
	if err := t.exec(`UPDATE lineage SET last = ? WHERE tbl = ? AND boot = ?`, was.Seq, name, was.Boot); err != nil {
		return err
	}
	return t.exec(`INSERT INTO lineage (tbl, boot, first, last) VALUES (?, ?, ?, ?)
		ON CONFLICT (tbl, boot) DO UPDATE SET last = excluded.last`, name, now.Boot, was.Seq+1, int64(math.MaxInt64))
}

func (t *tx) Rows(name string, ids []string) ([]db.Row, error) {
	var found []db.Row
	err := t.each(`SELECT seq, id, owner, deleted, data FROM `+quote(name)+` WHERE id IN (SELECT value FROM json_each(?))`,
		[]any{texts(ids)}, func(rows *sql.Rows) error {
			var r db.Row
			err := rows.Scan(&r.Seq, &r.ID, &r.Owner, &r.Deleted, &r.Data)
			found = append(found, r)
			return err
		})
	return found, err
}

// texts is a list as one argument.
func texts(list []string) string {
	values := make([]any, len(list))
	for i, s := range list {
		values[i] = s
	}
	return string(table.AppendJSON(nil, values))
}

func (t *tx) Put(name string, moves []db.Move) error {
	t.pages += 3 + 2*len(moves)
	for _, m := range moves {
		var err error
		if m.Old == 0 {
			err = t.exec(`INSERT INTO `+quote(name)+` (seq, id, owner, deleted, data) VALUES (?, ?, ?, ?, ?)`,
				m.Seq, m.ID, m.Owner, m.Deleted, string(m.Data))
		} else {
			err = t.exec(`UPDATE `+quote(name)+` SET seq = ?, owner = ?, deleted = ?, data = ? WHERE seq = ?`,
				m.Seq, m.Owner, m.Deleted, string(m.Data), m.Old)
		}
		if err == nil && m.Left != "" {
			err = t.exec(`INSERT INTO moved (tbl, owner, seq, id) VALUES (?, ?, ?, ?)`, name, m.Left, m.Seq, m.ID)
		}
		if err == nil && m.Was != nil {
			err = t.exec(`INSERT INTO former (tbl, id, seq, data) VALUES (?, ?, ?, ?)`, name, m.ID, m.Seq, string(m.Was))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) Widen(name string, columns []string) error {
	return t.exec(`INSERT INTO "column" (tbl, name) SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
		name, texts(columns))
}

func (t *tx) First(name string, seq int64) (r db.Row, ok bool, err error) {
	ok, err = t.row(`SELECT seq, id, owner, deleted, data FROM `+quote(name)+` WHERE seq >= ? ORDER BY seq LIMIT 1`, []any{seq},
		&r.Seq, &r.ID, &r.Owner, &r.Deleted, &r.Data)
	return r, ok, err
}

func (t *tx) Purge(name string, after, horizon int64, limit int) (last int64, more bool, err error) {
	var count int
	if _, err := t.row(`SELECT count(*), coalesce(max(seq), 0) FROM (
		SELECT seq FROM `+quote(name)+` WHERE deleted = 1 AND seq > ?1 AND seq <= ?2
		UNION SELECT seq FROM moved WHERE tbl = ?4 AND seq > ?1 AND seq <= ?2
		UNION SELECT seq FROM former WHERE tbl = ?4 AND seq > ?1 AND seq <= ?2
		ORDER BY seq LIMIT ?3)`, []any{after, horizon, limit, name}, &count, &last); err != nil || count == 0 {
		return 0, false, err
	}
	if err := t.exec(`DELETE FROM `+quote(name)+` WHERE deleted = 1 AND seq > ? AND seq <= ?`, after, last); err != nil {
		return 0, false, err
	}
	for _, of := range [...]string{"moved", "former"} {
		if err := t.exec(`DELETE FROM `+of+` WHERE tbl = ? AND seq > ? AND seq <= ?`, name, after, last); err != nil {
			return 0, false, err
		}
	}
	return last, count == limit, nil
}

func (t *tx) Clients(ids []string) (map[string]db.Client, error) {
	found := map[string]db.Client{}
	err := t.each(`SELECT id, high, expired FROM client WHERE id IN (SELECT value FROM json_each(?))`, []any{texts(ids)},
		func(rows *sql.Rows) error {
			var id string
			var c db.Client
			err := rows.Scan(&id, &c.High, &c.Expired)
			found[id] = c
			return err
		})
	return found, err
}

func (t *tx) Verdicts(of []db.Repeat) ([]db.Verdict, error) {
	var found []db.Verdict
	for _, r := range of {
		v := db.Verdict{Repeat: r}
		var at int64
		ok, err := t.row(`SELECT op, at, status, body FROM verdict WHERE client = ? AND seq = ?`, []any{r.Client, r.Seq},
			&v.Request, &at, &v.Status, &v.Body)
		if err != nil {
			return nil, err
		}
		if ok {
			v.At = time.UnixMilli(at)
			found = append(found, v)
		}
	}
	return found, nil
}

func (t *tx) Settle(verdicts []db.Verdict) error {
	for _, v := range verdicts {
		if err := t.exec(`INSERT INTO verdict (client, seq, op, at, status, body) VALUES (?, ?, ?, ?, ?, ?)`,
			v.Client, v.Seq, v.Request, v.At.UnixMilli(), v.Status, string(v.Body)); err != nil {
			return err
		}
	}
	for client, high := range db.Highest(verdicts) {
		if err := t.exec(`INSERT INTO client (id, high, expired) VALUES (?, ?, 0)
			ON CONFLICT (id) DO UPDATE SET high = max(high, excluded.high)`, client, high); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) Expire(before time.Time, limit int) (more bool, err error) {
	var gone []db.Verdict
	if err := t.each(`DELETE FROM verdict WHERE (client, seq) IN
		(SELECT client, seq FROM verdict WHERE at < ? ORDER BY at LIMIT ?) RETURNING client, seq`,
		[]any{before.UnixMilli(), limit}, func(rows *sql.Rows) error {
			var v db.Verdict
			err := rows.Scan(&v.Client, &v.Seq)
			gone = append(gone, v)
			return err
		}); err != nil {
		return false, err
	}
	for client, high := range db.Highest(gone) {
		if err := t.exec(`INSERT INTO client (id, high, expired) VALUES (?1, ?2, ?2)
			ON CONFLICT (id) DO UPDATE SET expired = max(expired, excluded.expired)`, client, high); err != nil {
			return false, err
		}
	}
	return len(gone) >= limit, nil
}
