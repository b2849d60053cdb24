package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// quote returns the name of the SQL table that holds a Larder table. The prefix keeps an app's "feed" and ours apart.
func quote(name string) string { return `"t_` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func missing(name string) error {
	return table.Errorf(table.CodeNotFound, "the database has no table ", name)
}

// stmt returns the readers' prepared statement of a text.
func (d *DB) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	d.rmu.RLock()
	s, ok := d.rstmts[text]
	d.rmu.RUnlock()
	if ok {
		return s, nil
	}
	d.rmu.Lock()
	defer d.rmu.Unlock()
	if s, ok := d.rstmts[text]; ok {
		return s, nil
	}
	s, err := d.readers.PrepareContext(ctx, text)
	if err != nil {
		return nil, failure(err)
	}
	d.rstmts[text] = s
	return s, nil
}

// Get implements [db.DB].
func (d *DB) Get(ctx context.Context, name, id string) (r db.Row, ok bool, err error) {
	s, err := d.stmt(ctx, `SELECT seq, id, deleted, data FROM `+quote(name)+` WHERE id = ?`)
	if err != nil {
		return db.Row{}, false, err
	}
	switch err := s.QueryRowContext(ctx, id).Scan(&r.Seq, &r.ID, &r.Deleted, &r.Data); {
	case errors.Is(err, sql.ErrNoRows):
		return db.Row{}, false, nil
	case err != nil:
		return db.Row{}, false, failure(err)
	}
	return r, true, nil
}

// List implements [db.DB].
func (d *DB) List(ctx context.Context, name string, p db.Page) ([][]byte, error) {
	var list [][]byte
	err := d.each(ctx, `SELECT data FROM `+quote(name)+` WHERE deleted <= ? ORDER BY id LIMIT ? OFFSET ?`,
		[]any{p.Deleted, p.Take, p.Skip},
		func(data []byte) error { list = append(list, append([]byte(nil), data...)); return nil })
	return list, err
}

// Scan implements [db.DB].
func (d *DB) Scan(ctx context.Context, name string, deleted bool, fn func(data []byte) error) error {
	return d.each(ctx, `SELECT data FROM `+quote(name)+` WHERE deleted <= ?`, []any{deleted}, fn)
}

func (d *DB) each(ctx context.Context, text string, args []any, fn func([]byte) error) (err error) {
	s, err := d.stmt(ctx, text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return failure(err)
	}
	defer func() { err = errors.Join(err, failure(rows.Close())) }()
	var data sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&data); err != nil {
			return failure(err)
		}
		if err := fn(data); err != nil {
			return err
		}
	}
	return failure(rows.Err())
}

// Live implements [db.DB].
func (d *DB) Live(ctx context.Context, name string) (n int64, err error) {
	s, err := d.stmt(ctx, `SELECT live FROM feed WHERE tbl = ?`)
	if err != nil {
		return 0, err
	}
	err = s.QueryRowContext(ctx, name).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, missing(name)
	}
	return n, failure(err)
}

// Changes implements [db.DB].
func (d *DB) Changes(ctx context.Context, name string, since db.Since) (c db.Changes, err error) {
	s := &snapshot{ctx: ctx, name: name}
	// Prepared before the transaction has its connection: waiting for a second one could wait for ever.
	for i, text := range changesTexts(name) {
		if s.stmts[i], err = d.stmt(ctx, text); err != nil {
			return db.Changes{}, err
		}
	}
	if s.tx, err = d.readers.BeginTx(ctx, nil); err != nil {
		return db.Changes{}, failure(err)
	}
	defer func() {
		if end := s.tx.Rollback(); end != nil && !errors.Is(end, sql.ErrTxDone) { // done: the context ended it
			err = errors.Join(err, failure(end))
		}
	}()
	return s.changes(since)
}

// The statements of a page of changes.
const (
	stmtCounter = iota
	stmtMark
	stmtPage
	stmtMore
	stmtCount
)

func changesTexts(name string) [stmtCount]string {
	// Deleted rows up to the anchor are of a time before the client's first row.
	where := ` FROM ` + quote(name) + ` WHERE seq > ?1 AND (deleted = 0 OR seq > ?2)`
	return [...]string{
		stmtCounter: `SELECT seq, boot, live FROM feed WHERE tbl = ?`,
		stmtMark:    `SELECT id FROM boot WHERE tbl = ? AND first <= ? ORDER BY first DESC LIMIT 1`,
		stmtPage: `SELECT group_concat(entry, ',' ORDER BY seq), count(*), coalesce(max(seq), 0) FROM (
			SELECT seq, CASE deleted WHEN 0 THEN data
				ELSE json_object('id', id, '@removed', json_object('reason', 'deleted')) END AS entry` +
			where + ` ORDER BY seq LIMIT ?3)`,
		stmtMore: `SELECT EXISTS (SELECT 1` + where + `)`,
	}
}

// snapshot is a read transaction over one table.
type snapshot struct {
	stmts [stmtCount]*sql.Stmt
	tx    *sql.Tx
	ctx   context.Context
	name  string
}

func (s *snapshot) row(stmt int, args []any, dest ...any) error {
	return failure(s.tx.StmtContext(s.ctx, s.stmts[stmt]).QueryRowContext(s.ctx, args...).Scan(dest...))
}

// mark returns the point in history of a number that was given.
func (s *snapshot) mark(seq int64) (db.Mark, error) {
	m := db.Mark{Seq: seq}
	if seq == 0 {
		return m, nil
	}
	err := s.row(stmtMark, []any{s.name, seq}, &m.Boot)
	return m, err
}

// known reports whether the table's past contains m.
func (s *snapshot) known(m db.Mark, now db.Mark) (bool, error) {
	own, err := s.mark(m.Seq)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return own == m && m.Seq <= now.Seq, err
}

func (s *snapshot) changes(since db.Since) (c db.Changes, err error) {
	var now db.Mark
	err = s.row(stmtCounter, []any{s.name}, &now.Seq, &now.Boot, &c.Live)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, missing(s.name)
	case err != nil:
		return c, err
	}
	from := since.Cursor
	if since.First {
		from = db.Cursor{Anchor: now}
	} else if ok, err := s.known(from.Anchor, now); err != nil {
		return c, err
	} else if !ok {
		return c, table.Errorf(table.CodeEpoch, "the table ", s.name, " has no ", from.Anchor.String(),
			" in its past: the database was restored or replaced; pull again with an empty $deltatoken")
	}

	var last int64
	if err := s.row(stmtPage, []any{from.After, from.Anchor.Seq, since.Limit}, &c.JSON, &c.Count, &last); err != nil {
		return c, err
	}
	if c.Count == since.Limit {
		if err := s.row(stmtMore, []any{last, from.Anchor.Seq}, &c.More); err != nil {
			return c, err
		}
	}
	switch {
	case !c.More:
		c.Next = db.At(now)
	case last < from.Anchor.Seq:
		c.Next = db.Cursor{Anchor: from.Anchor, After: last}
	default:
		m, err := s.mark(last)
		if err != nil {
			return c, err
		}
		c.Next = db.At(m)
	}
	return c, nil
}
