//go:build !js

package store_test

import (
	"slices"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/table/tabletest"
	"github.com/larder-sync/larder/wasm/store"
)

// FuzzPlan plans whatever query can be read over every index there may be. The plan finds what the evaluator finds.
func FuzzPlan(f *testing.F) {
	for _, s := range tabletest.Read(f, "../../table/testdata/query") {
		for _, c := range s.Cases {
			if q, err := table.ParseQuery(c.Query); err == nil {
				f.Add(table.FilterText(q.Filter), q.OrderText(), uint8(q.Skip), int8(q.Take))
			}
		}
	}
	g := tabletest.NewGenerator(7)
	for range 50 {
		f.Add(table.FilterText(g.Filter()), "s,n desc", uint8(1), int8(5))
	}
	schema, records := g.Schema(), g.Records(30, false)
	schema.Indexes = []table.Index{{Columns: []string{"s"}}, {Columns: []string{"n"}}, {Columns: []string{"b", "d"}},
		{Columns: []string{"i", "s"}}, {Columns: []string{"x"}}, {Columns: []string{"j"}, MultiEntry: true}}
	db, err := store.Open(ctx, store.Options{Name: "fuzz", Open: store.Memory(),
		Schema: &table.Database{Version: 1, Tables: []*table.Schema{schema}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() }) // it is memory
	tables := []string{schema.Name}
	if err := db.Update(ctx, tables, func(tx *store.Tx) error {
		_, err := tx.Table(schema.Name).Put(ctx, slices.Clone(records)...)
		return err
	}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, filter, order string, skip uint8, take int8) {
		q := &table.Query{Skip: int(skip), Take: int(take)}
		var err1, err2 error
		q.Filter, err1 = table.ParseFilter(filter)
		q.Order, err2 = table.ParseOrder(order)
		if err1 != nil || err2 != nil || q.Check(schema) != nil {
			return
		}
		var got []string
		if err := db.View(ctx, tables, func(tx *store.Tx) error {
			rows, err := tx.Table(schema.Name).Query(ctx, q)
			got = tabletest.IDs(rows)
			return err
		}); err != nil {
			t.Fatalf("%s, by %s: %v", filter, order, err)
		}
		if want := tabletest.IDs(q.Apply(records)); !slices.Equal(got, want) {
			t.Fatalf("%s, by %s, skip %d, take %d: got %v, want %v", filter, order, skip, take, got, want)
		}
	})
}
