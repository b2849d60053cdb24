package sqlite_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/dbtest"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/table/tabletest"
)

// FuzzFind compiles filters and orders to SQL. SQLite takes whatever was read, and finds what the evaluator finds.
func FuzzFind(f *testing.F) {
	for _, s := range tabletest.Read(f, "../../../table/testdata/query") {
		for _, c := range s.Cases {
			if q, err := table.ParseQuery(c.Query); err == nil {
				f.Add(table.FilterText(q.Filter), q.OrderText())
			}
		}
	}
	g := tabletest.NewGenerator(7)
	for range 50 {
		f.Add(table.FilterText(g.Filter()), "s,x desc")
	}
	s, records := g.Schema(), g.Records(25, true)
	d, err := sqlite.Open(f.Context(), filepath.Join(f.TempDir(), "larder.db"), sqlite.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := d.Close(); err != nil {
			f.Error(err)
		}
	})
	dbtest.Fill(f, d, s, records)
	f.Fuzz(func(t *testing.T, filter, order string) {
		e, err := table.ParseFilter(filter)
		if err != nil {
			return
		}
		keys, err := table.ParseOrder(order)
		if err != nil {
			return
		}
		q := &table.Query{Filter: e, Order: keys, Take: table.All}
		if q.Check(s) != nil {
			return
		}
		found, err := d.Find(t.Context(), db.Find{Table: s.Name, Schema: s, Query: q})
		if err != nil {
			t.Fatalf("%s, by %s: %v", filter, order, err)
		}
		var got []string
		for _, data := range found.Records {
			r, err := table.ParseRecord(data)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.ID())
		}
		if want := tabletest.IDs(q.Apply(records)); !slices.Equal(got, want) {
			t.Fatalf("%s, by %s: got %v, want %v", filter, order, got, want)
		}
	})
}
