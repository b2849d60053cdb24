package dbtest

import (
	"slices"
	"strings"
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
	t.Run("random", func(t *testing.T) { tabletest.Random(t, tabletest.Scale{Tables: 3, Server: true}, fill) })
	t.Run("the widest and the deepest filters", func(t *testing.T) {
		g := tabletest.NewGenerator(1)
		s, records := g.Schema(), g.Records(20, true)
		find := fill(t, s, records)
		for _, text := range extremes() {
			e, err := table.ParseFilter(text)
			if err != nil {
				t.Fatalf("%.60s…: %v", text, err)
			}
			q := &table.Query{Filter: e, Take: table.All}
			if err := q.Check(s); err != nil {
				t.Fatalf("%.60s…: %v", text, err)
			}
			if got, err := find(q); err != nil || !slices.Equal(got, tabletest.IDs(q.Apply(records))) {
				t.Errorf("%.60s… (%d bytes): got %v (%v), want %v", text, len(text), got, err, tabletest.IDs(q.Apply(records)))
			}
		}
	})
}

// extremes are filters that are as long, or as deep, as the parser lets through.
func extremes() []string {
	chain := func(part, between, end string) string {
		n := (table.MaxFilter - 20 - len(part)) / (len(part) + len(between))
		return strings.Repeat(part+between, n) + part + end
	}
	nest := func(open, core, end string) string {
		levels := (table.MaxFilterDepth - 2) / max(1, strings.Count(open+end, " and ")+strings.Count(open, " "))
		return strings.Repeat(open, levels) + core + strings.Repeat(end, levels)
	}
	return []string{
		chain("b", " or ", ""), chain("j/any(e: e eq x)", " or ", ""), chain("toupper(s) eq t", " or ", ""),
		strings.Repeat("x eq y or ", 99) + "b", chain("n mod i eq 1", " or ", ""), "n in (" + chain("1", ",", ")"),
		"x in (" + chain("1", ",", ")"), "x in (" + strings.Repeat("y,", 99) + "y)",
		nest("(c and b eq ", "c", ")"), nest("(b eq ", "c", ")"), nest("round(", "n", ")") + " eq 1",
		nest("(1 add ", "n", ")") + " gt 3",
		nest("(1 mul ", "n", ")") + " eq n", nest("(i mod ", "n", ")") + " ge 0", nest("(7 div ", "n", ")") + " ge 0",
		nest("concat(s,", "t", ")") + " ne s", nest("substring(", "s", ",0,5)") + " eq s", nest("tolower(", "s", ")") + " eq s",
	}
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
