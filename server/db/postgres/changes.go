package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

const (
	// The entries after $1. Deleted rows up to the anchor $2 are of a time before the client's first row. The ids hold nothing
	// that JSON escapes.
	entriesText = `SELECT seq, CASE WHEN deleted THEN '{"@removed":{"reason":"deleted"},"id":"' || id
				|| coalesce('","version":"' || (data::jsonb ->> 'version'), '') || '"}'
			ELSE data END AS entry
		FROM @table WHERE seq > $1 AND (NOT deleted OR seq > $2)`
	// Those of the owner $4, and what it is told of rows that it lost.
	ownedText = entriesText + ` AND owner = $4 AND owner <> ''
		UNION ALL SELECT seq, '{"@removed":{"reason":"changed"},"id":"' || id || '"}'
		FROM moved WHERE tbl = @name AND owner = $4 AND seq > greatest($1, $2)`
)

// snapshot is a read transaction over one table. It is a [db.Snapshot].
type snapshot struct {
	ctx     context.Context
	tx      pgx.Tx
	name    string
	entries string // the text that selects them
}

// Changes implements [db.DB].
func (d *DB) Changes(ctx context.Context, name string, since db.Since) (c db.Changes, err error) {
	s := &snapshot{ctx: ctx, name: name, entries: entriesText}
	if since.PerUser {
		s.entries = ownedText
	}
	s.entries = strings.ReplaceAll(s.entries, "@table", quote(name))
	s.entries = strings.ReplaceAll(s.entries, "@name", "'"+strings.ReplaceAll(name, "'", "''")+"'")
	err = again(ctx, func() error {
		s.tx, err = d.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return err
		}
		defer func() { _ = s.tx.Rollback(context.WithoutCancel(ctx)) }() // there is nothing to undo
		c, err = db.ReadChanges(s, name, since)
		return err
	})
	return c, err
}

func (s *snapshot) row(text string, args []any, dest ...any) (ok bool, err error) {
	err = s.tx.QueryRow(s.ctx, text, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (s *snapshot) Counter() (c db.Counter, err error) {
	ok, err := s.row(`SELECT seq, at, boot, live, horizon FROM feed WHERE tbl = $1`, []any{s.name},
		&c.Seq, &c.At, &c.Boot, &c.Live, &c.Horizon)
	if err == nil && !ok {
		err = missing(s.name)
	}
	return c, err
}

func (s *snapshot) Lineage(seq int64, boot string) (found string, err error) {
	_, err = s.row(`SELECT boot FROM lineage WHERE tbl = $1 AND first <= $2 AND last >= $2 ORDER BY boot = $3 DESC LIMIT 1`,
		[]any{s.name, seq, boot}, &found)
	return found, err
}

// pastText selects what boots wrote, the latest first: a table's own, or those of one boot.
const pastText = `SELECT lineage.boot, CASE WHEN last < seq THEN last ELSE seq END AS until FROM lineage JOIN feed USING (tbl)
	WHERE tbl = $1 AND first <= seq AND ($2 = '' OR lineage.boot = $2) ORDER BY until DESC LIMIT $3`

func (s *snapshot) Past() (table.Past, error) {
	rows, err := s.tx.Query(s.ctx, pastText, s.name, "", table.MaxPast)
	if err != nil {
		return "", err
	}
	marks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[db.Mark])
	return db.PastOf(marks), err
}

// Past implements [db.DB].
func (d *DB) Past(ctx context.Context, name, boot string) (table.Past, error) {
	var m db.Mark
	var marks []db.Mark
	err := d.each(ctx, pastText, []any{name, boot, table.MaxPast}, []any{&m.Boot, &m.Seq}, func() { marks = nil }, func() error {
		marks = append(marks, m)
		return nil
	})
	return db.PastOf(marks), err
}

func (s *snapshot) args(from db.Cursor, since db.Since, limit int) []any {
	args := []any{from.After, from.Anchor.Seq, limit}
	if since.PerUser {
		args = append(args, since.User)
	}
	return args
}

func (s *snapshot) Page(from db.Cursor, since db.Since) (entries string, count int, last int64, err error) {
	_, err = s.row(`SELECT coalesce(string_agg(entry, ',' ORDER BY seq), ''), count(*), coalesce(max(seq), 0)
		FROM (`+s.entries+` ORDER BY seq LIMIT $3) AS page`, s.args(from, since, since.Limit), &entries, &count, &last)
	return entries, count, last, err
}

func (s *snapshot) Further(from db.Cursor, since db.Since) (more bool, err error) {
	_, err = s.row(`SELECT EXISTS (`+s.entries+` LIMIT $3)`, s.args(from, since, 1), &more)
	return more, err
}
