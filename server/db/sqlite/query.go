package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// Find implements [db.DB].
func (d *DB) Find(ctx context.Context, f db.Find) (found db.Found, err error) {
	page, err := db.SQLite.Page(quote(f.Table), f)
	if err != nil {
		return db.Found{}, err
	}
	tx, err := d.readers.BeginTx(ctx, nil)
	if err != nil {
		return db.Found{}, failure(err)
	}
	defer func() {
		if end := tx.Rollback(); end != nil && !errors.Is(end, sql.ErrTxDone) { // done: the context ended it
			err = errors.Join(err, failure(end))
		}
	}()
	if f.Query.Count {
		if found.Count, err = count(ctx, tx, f); err != nil {
			return db.Found{}, err
		}
	}
	rows, err := tx.QueryContext(ctx, page.Text, page.Args...)
	if err != nil {
		return db.Found{}, failure(err)
	}
	defer func() { err = errors.Join(err, failure(rows.Close())) }()
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return db.Found{}, failure(err)
		}
		found.Records = append(found.Records, data)
	}
	return found, failure(rows.Err())
}

// count knows the number of all rows from the table's counter.
func count(ctx context.Context, tx *sql.Tx, f db.Find) (n int64, err error) {
	s := db.Statement{Text: `SELECT live FROM feed WHERE tbl = ?`, Args: []any{f.Table}}
	if f.Query.Filter != nil {
		if s, err = db.SQLite.Count(quote(f.Table), f); err != nil {
			return 0, err
		}
	}
	err = tx.QueryRowContext(ctx, s.Text, s.Args...).Scan(&n)
	return n, failure(err)
}

// Index implements [db.Tx].
func (t *tx) Index(name string, schemas ...*table.Schema) error {
	want := db.SQLite.Indexes(schemas...)
	prefix := "x_" + name + "." // no table's name has a point
	var have, names []string
	for _, x := range want {
		names = append(names, prefix+x.Name)
	}
	err := t.each(`SELECT name FROM sqlite_schema WHERE type = 'index' AND substr(name, 1, ?) = ?`, []any{len(prefix), prefix},
		func(rows *sql.Rows) error {
			var index string
			err := rows.Scan(&index)
			have = append(have, index)
			return err
		})
	if err != nil {
		return err
	}
	var texts []string
	for _, index := range have {
		if !slices.Contains(names, index) {
			texts = append(texts, `DROP INDEX "`+index+`"`)
		}
	}
	for i, index := range names {
		if !slices.Contains(have, index) {
			texts = append(texts, `CREATE INDEX "`+index+`" ON `+quote(name)+` (`+want[i].On+`)`)
		}
	}
	for _, text := range texts {
		if _, err := t.d.writer.ExecContext(t.ctx, text); err != nil {
			return failure(err)
		}
	}
	return nil
}
