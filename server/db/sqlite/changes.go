package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// The statements of a page of changes.
const (
	counterText = `SELECT seq, at, boot, live, horizon FROM feed WHERE tbl = ?`
	lineageText = `SELECT boot FROM lineage WHERE tbl = ?1 AND first <= ?2 AND last >= ?2 ORDER BY boot = ?3 DESC LIMIT 1`

	// What boots wrote, the latest first: a table's own, or those of one boot.
	pastText = `SELECT lineage.boot, min(last, seq) FROM lineage JOIN feed USING (tbl)
		WHERE tbl = ?1 AND first <= seq AND (?2 = '' OR lineage.boot = ?2) ORDER BY 2 DESC LIMIT ?3`

	// The entries after ?1. Deleted rows up to the anchor ?2 are of a time before the client's first row. The ids hold nothing
	// that JSON escapes.
	entriesText = `SELECT seq, CASE deleted WHEN 0 THEN data
			ELSE '{"@removed":{"reason":"deleted"},"id":"' || id || coalesce('","version":"' || (data ->> '$.version'), '') || '"}'
			END AS entry
		FROM @table WHERE seq > ?1 AND (deleted = 0 OR seq > ?2)`
	// Those of the owner ?4, and what it is told of rows that it lost.
	ownedText = entriesText + ` AND owner = ?4 AND owner <> ''
		UNION ALL SELECT seq, '{"@removed":{"reason":"changed"},"id":"' || id || '"}'
		FROM moved WHERE tbl = @name AND owner = ?4 AND seq > max(?1, ?2)`
)

// snapshot is a read transaction over one table. It is a [db.Snapshot].
type snapshot struct {
	ctx     context.Context
	tx      *sql.Tx
	stmts   map[string]*sql.Stmt
	name    string
	entries string // the text that selects them
}

// Changes implements [db.DB].
func (d *DB) Changes(ctx context.Context, name string, since db.Since) (c db.Changes, err error) {
	s := &snapshot{ctx: ctx, stmts: map[string]*sql.Stmt{}, name: name, entries: entriesText}
	if since.PerUser {
		s.entries = ownedText
	}
	s.entries = strings.ReplaceAll(s.entries, "@table", quote(name))
	s.entries = strings.ReplaceAll(s.entries, "@name", "'"+strings.ReplaceAll(name, "'", "''")+"'")
	// Prepared before the transaction has its connection: waiting for a second one could wait for ever.
	for _, text := range [...]string{counterText, lineageText, pastText, s.pageText(), s.furtherText()} {
		if s.stmts[text], err = d.stmt(ctx, text); err != nil {
			if _, other := d.Live(ctx, name); other != nil { // a table that is not there
				err = other
			}
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
	return db.ReadChanges(s, name, since)
}

func (s *snapshot) row(text string, args []any, dest ...any) (ok bool, err error) {
	switch err := s.tx.StmtContext(s.ctx, s.stmts[text]).QueryRowContext(s.ctx, args...).Scan(dest...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, failure(err)
	}
	return true, nil
}

func (s *snapshot) Counter() (c db.Counter, err error) {
	ok, err := s.row(counterText, []any{s.name}, &c.Seq, &c.At, &c.Boot, &c.Live, &c.Horizon)
	if err == nil && !ok {
		err = missing(s.name)
	}
	return c, err
}

func (s *snapshot) Lineage(seq int64, boot string) (found string, err error) {
	_, err = s.row(lineageText, []any{s.name, seq, boot}, &found)
	return found, err
}

func (s *snapshot) Past() (past table.Past, err error) {
	list, err := s.tx.StmtContext(s.ctx, s.stmts[pastText]).QueryContext(s.ctx, s.name, "", table.MaxPast)
	if err == nil {
		past, err = readPast(list)
	}
	return past, failure(err)
}

// Past implements [db.DB].
func (d *DB) Past(ctx context.Context, name, boot string) (past table.Past, err error) {
	s, err := d.stmt(ctx, pastText)
	if err != nil {
		return "", err
	}
	list, err := s.QueryContext(ctx, name, boot, table.MaxPast)
	if err == nil {
		past, err = readPast(list)
	}
	return past, failure(err)
}

func readPast(list *sql.Rows) (table.Past, error) {
	var marks []db.Mark
	for list.Next() {
		var m db.Mark
		if err := list.Scan(&m.Boot, &m.Seq); err != nil {
			return "", errors.Join(err, list.Close())
		}
		marks = append(marks, m)
	}
	return db.PastOf(marks), errors.Join(list.Err(), list.Close())
}

// pageText leaves the order to the sub-select, which has it by its LIMIT: group_concat(entry, ',' ORDER BY seq) would sort the
// page once more, for half of what it costs.
func (s *snapshot) pageText() string {
	return `SELECT coalesce(group_concat(entry, ','), ''), count(*), coalesce(max(seq), 0) FROM (` + s.entries +
		` ORDER BY seq LIMIT ?3)`
}

func (s *snapshot) furtherText() string { return `SELECT EXISTS (` + s.entries + ` LIMIT ?3)` }

func (s *snapshot) args(from db.Cursor, since db.Since, limit int) []any {
	args := []any{from.After, from.Anchor.Seq, limit}
	if since.PerUser {
		args = append(args, since.User)
	}
	return args
}

func (s *snapshot) Page(from db.Cursor, since db.Since) (entries string, count int, last int64, err error) {
	_, err = s.row(s.pageText(), s.args(from, since, since.Limit), &entries, &count, &last)
	return entries, count, last, err
}

func (s *snapshot) Further(from db.Cursor, since db.Since) (more bool, err error) {
	_, err = s.row(s.furtherText(), s.args(from, since, 1), &more)
	return more, err
}

// Heads implements [db.DB].
func (d *DB) Heads(ctx context.Context) (map[string]db.Counter, error) {
	heads := map[string]db.Counter{}
	err := d.rows(ctx, `SELECT tbl, seq, at, boot, live, horizon FROM feed`, nil, func(rows *sql.Rows) error {
		var name string
		var c db.Counter
		err := rows.Scan(&name, &c.Seq, &c.At, &c.Boot, &c.Live, &c.Horizon)
		heads[name] = c
		return err
	})
	return heads, err
}

// Tail implements [db.DB].
func (d *DB) Tail(ctx context.Context, name string, after int64, limit int) ([]db.Entry, error) {
	var list []db.Entry
	err := d.rows(ctx, `SELECT seq, id, owner, deleted, data, 0 AS gone FROM `+quote(name)+` WHERE seq > ?1
		UNION ALL SELECT seq, id, owner, 0, '', 1 FROM moved WHERE tbl = ?2 AND seq > ?1
		ORDER BY 1, 6 DESC LIMIT ?3`, []any{after, name, limit}, func(rows *sql.Rows) error {
		var e db.Entry
		err := rows.Scan(&e.Seq, &e.ID, &e.Owner, &e.Deleted, &e.Data, &e.Left)
		list = append(list, e)
		return err
	})
	return list, err
}
