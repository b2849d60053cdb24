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
	s, err := d.stmt(ctx, `SELECT seq, id, owner, deleted, data FROM `+quote(name)+` WHERE id = ?`)
	if err != nil {
		return db.Row{}, false, err
	}
	switch err := s.QueryRowContext(ctx, id).Scan(&r.Seq, &r.ID, &r.Owner, &r.Deleted, &r.Data); {
	case errors.Is(err, sql.ErrNoRows):
		return db.Row{}, false, nil
	case err != nil:
		return db.Row{}, false, failure(err)
	}
	return r, true, nil
}

// rows calls fn with each row that a statement answers.
func (d *DB) rows(ctx context.Context, text string, args []any, fn func(*sql.Rows) error) (err error) {
	s, err := d.stmt(ctx, text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
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

// Former implements [db.DB].
func (d *DB) Former(ctx context.Context, name string, ids []string, after int64, limit int) (list []db.Row, err error) {
	err = d.rows(ctx, `SELECT seq, id, data FROM former WHERE tbl = ?1 AND id IN (SELECT value FROM json_each(?2)) AND seq > ?3
		ORDER BY seq DESC LIMIT ?4`, []any{name, texts(ids), after, limit}, func(rows *sql.Rows) error {
		var r db.Row
		err := rows.Scan(&r.Seq, &r.ID, &r.Data)
		list = append(list, r)
		return err
	})
	return list, err
}

// Columns implements [db.DB].
func (d *DB) Columns(ctx context.Context, name string) (list []string, err error) {
	err = d.rows(ctx, `SELECT name FROM "column" WHERE tbl = ? ORDER BY name`, []any{name}, func(rows *sql.Rows) error {
		var column string
		err := rows.Scan(&column)
		list = append(list, column)
		return err
	})
	return list, err
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
