package postgres

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// Find implements [db.DB].
func (d *DB) Find(ctx context.Context, f db.Find) (found db.Found, err error) {
	page, err := db.PostgreSQL.Page(quote(f.Table), f)
	if err != nil {
		return db.Found{}, err
	}
	if !f.Query.Count {
		err = again(ctx, func() (err error) {
			found.Records, err = d.records(ctx, d.pool, page)
			return err
		})
		return found, err
	}
	count := db.Statement{Text: `SELECT live FROM feed WHERE tbl = $1`, Args: []any{f.Table}}
	if f.Query.Filter != nil {
		if count, err = db.PostgreSQL.Count(quote(f.Table), f); err != nil {
			return db.Found{}, err
		}
	}
	err = again(ctx, func() error {
		tx, err := d.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // there is nothing to undo
		if err := tx.QueryRow(ctx, count.Text, count.Args...).Scan(&found.Count); err != nil {
			return err
		}
		found.Records, err = d.records(ctx, tx, page)
		return err
	})
	return found, err
}

func (d *DB) records(ctx context.Context, from interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}, s db.Statement) (list [][]byte, err error) {
	// A query's text is as its caller shaped it: kept prepared it would be there for nobody else.
	rows, err := from.Query(ctx, s.Text, append([]any{pgx.QueryExecModeExec}, s.Args...)...)
	if err != nil {
		return nil, err
	}
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&data}, func() error {
		list = append(list, data)
		data = nil
		return nil
	})
	return list, err
}

// Index implements [db.Tx].
func (t *tx) Index(name string, schemas ...*table.Schema) error {
	// Names of indexes are the schema's, not the table's, and cut at 63 bytes; so they begin with a number for the table.
	h := fnv.New64a()
	h.Write([]byte(name))
	prefix := "x" + strconv.FormatUint(h.Sum64(), 36) + "_"
	var have []string
	var index string
	if err := t.each(`SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1`,
		[]any{"t_" + name}, []any{&index}, func() error { have = append(have, index); return nil }); err != nil {
		return err
	}
	var names []string
	for _, x := range db.PostgreSQL.Indexes(schemas...) {
		names = append(names, prefix+x.Name)
		if slices.Contains(have, prefix+x.Name) {
			continue
		}
		if err := t.exec(`CREATE INDEX "` + prefix + x.Name + `" ON ` + quote(name) + ` (` + x.On + `)`); err != nil {
			return err
		}
	}
	for _, index := range have {
		if strings.HasPrefix(index, prefix) && !slices.Contains(names, index) {
			if err := t.exec(`DROP INDEX "` + index + `"`); err != nil {
				return err
			}
		}
	}
	return nil
}
