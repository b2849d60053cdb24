package store_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/table/tabletest"
	"github.com/larder-sync/larder/wasm/store"
)

// TestQueryVectors asks the vectors, which SQL databases answer too, of every backend, with the indexes that the tables
// declare and without any.
func TestQueryVectors(t *testing.T) {
	eachFill(t, func(t *testing.T, fill tabletest.Open) {
		tabletest.Vectors(t, "../../table/testdata/query", false, fill)
	})
}

func TestRandomQueries(t *testing.T) {
	scale := tabletest.Scale{}
	if runtime.GOOS == "js" {
		scale = tabletest.Scale{Tables: 2, Queries: 120} // browsers take their time
	}
	eachFill(t, func(t *testing.T, fill tabletest.Open) { tabletest.Random(t, scale, fill) })
}

func eachFill(t *testing.T, fn func(t *testing.T, fill tabletest.Open)) {
	for name, open := range openers() {
		for _, indexed := range []bool{true, false} {
			t.Run(name+", indexed: "+strconv.FormatBool(indexed), func(t *testing.T) {
				fn(t, func(t *testing.T, s *table.Schema, records []table.Record) tabletest.Find {
					return fill(t, open, s, records, indexed)
				})
			})
		}
	}
}

// fill makes a store of one table with the records.
func fill(t *testing.T, open store.Opener, s *table.Schema, records []table.Record, indexed bool) tabletest.Find {
	t.Helper()
	schema := *s
	if !indexed {
		schema.Indexes = nil
	}
	db, err := store.Open(ctx, store.Options{Name: t.Name() + strconv.Itoa(rand.Int()), Open: open,
		Schema: &table.Database{Version: 1, Tables: []*table.Schema{&schema}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	tables := []string{s.Name}
	if err := db.Update(ctx, tables, func(tx *store.Tx) error {
		_, err := tx.Table(s.Name).Put(ctx, slices.Clone(records)...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return func(q *table.Query) (ids []string, err error) {
		err = db.View(ctx, tables, func(tx *store.Tx) error {
			rows, err := tx.Table(s.Name).Query(ctx, q)
			ids = tabletest.IDs(rows)
			return err
		})
		return ids, err
	}
}
