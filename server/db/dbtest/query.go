package dbtest

import (
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/table/tabletest"
)

// Queries asks the shared vectors, which stand in folder, and random queries of tables in databases that open makes, and
// compares what they find with what the evaluator of filters does.
func Queries(t *testing.T, folder string, open func(t *testing.T) db.DB) {
	fill := func(t *testing.T, s *table.Schema, records []table.Record) tabletest.Find {
		d := open(t)
		Fill(t, d, s, records)
		return func(q *table.Query) ([]string, error) {
			counted := *q
			counted.Count = true
			found, err := d.Find(t.Context(), db.Find{Table: s.Name, Schema: s, Query: &counted})
			if err != nil {
				return nil, err
			}
			ids := make([]string, len(found.Records))
			for i, data := range found.Records {
				r, err := table.ParseRecord(data)
				if err != nil {
					return nil, err
				}
				ids[i] = r.ID()
			}
			all := &table.Query{Filter: q.Filter, Take: table.All}
			if want := len(all.Apply(records)); found.Count != int64(want) {
				t.Errorf("%s: counted %d, want %d", table.FilterText(q.Filter), found.Count, want)
			}
			return ids, nil
		}
	}
	t.Run("vectors", func(t *testing.T) { tabletest.Vectors(t, folder, true, fill) })
	t.Run("random", func(t *testing.T) { tabletest.Random(t, tabletest.Scale{Server: true}, fill) })
}

// Fill makes a table with the schema's indexes and the records.
func Fill(t testing.TB, d db.DB, s *table.Schema, records []table.Record) {
	t.Helper()
	err := d.Update(t.Context(), func(tx db.Tx) error {
		if _, err := tx.Create(s.Name); err != nil {
			return err
		}
		if err := tx.Index(s.Name, s); err != nil {
			return err
		}
		was, err := tx.Counter(s.Name)
		if err != nil {
			return err
		}
		now := was
		now.Boot = "test"
		var moves []db.Move
		for _, r := range records {
			now.Seq++
			if !r.Deleted() {
				now.Live++
			}
			moves = append(moves, db.Move{Row: db.Row{Seq: now.Seq, ID: r.ID(), Deleted: r.Deleted(), Data: table.AppendJSON(nil, r)}})
		}
		if err := tx.Put(s.Name, moves); err != nil {
			return err
		}
		return tx.Advance(s.Name, was, now)
	})
	if err != nil {
		t.Fatal(err)
	}
}
