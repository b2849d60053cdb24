package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

func TestPrepare(t *testing.T) {
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{
		Name: "item", Columns: []table.Column{{Name: "due", Type: table.TypeDate}, {Name: "text", Type: table.TypeString}},
		Indexes: []table.Index{{Columns: []string{"text"}}},
	}}}
	open := func(t *testing.T, journal bool) *store.Store {
		n := 0
		number := func() string { n++; return fmt.Sprint("made-", n) }
		o := store.Options{Name: t.Name(), Schema: schema, Open: store.Memory(), NewID: number}
		if journal {
			o.Journal = replica.NewOutbox(replica.OutboxOptions{NewID: number, Now: func() string { return "now" }})
		}
		s, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		n = 0 // the outbox has made its own
		return s
	}
	prepare := func(t *testing.T, s *store.Store, action table.Action, records string) (*store.Ready, error) {
		rows, err := schema.Tables[0].ParseRows([]byte(records))
		if err != nil {
			t.Fatal(err)
		}
		return s.Prepare(action, "item", nil, rows...)
	}
	t.Run("where nothing has to be read, there is a program that does the write", func(t *testing.T) {
		for _, c := range []struct {
			action  table.Action
			journal bool
			records string
			want    string
		}{
			{table.ActionInsert, true, `[{"text":"a"},{"text":"b","due":"2026-11-21"}]`,
				`[{"id":"made-1","text":"a"},{"due":"2026-11-21T00:00:00.000Z","id":"made-2","text":"b"}]`},
			{table.ActionInsert, false, `[{"text":"a"}]`, `[{"id":"made-1","text":"a"}]`},
			{"", false, `[{"id":"1","text":"a"},{"id":"2","version":"v"}]`, `[{"id":"1","text":"a"},{"id":"2"}]`},
		} {
			s := open(t, c.journal)
			r, err := prepare(t, s, c.action, c.records)
			if err != nil || r == nil {
				t.Fatalf("%s: got %v, %v", c.records, r, err)
			}
			if r.Stores[0] != "item" || (len(r.Stores) > 1) != c.journal || r.Changes[0].Store != "item" || len(r.Changes[0].IDs) != len(r.Steps[0].Rows) {
				t.Errorf("%s: %+v", c.records, r)
			}
			err = s.Update(t.Context(), r.Stores, func(tx *store.Tx) error {
				_, err := tx.Run(t.Context(), r.Steps...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			rows := read(t, s)
			if got := string(table.AppendJSON(nil, rows)); got != c.want {
				t.Errorf("%s: got %s, want %s", c.records, got, c.want)
			}
			text := string(r.AppendJSON(nil, "[]"))
			said, err := table.ParseRecord([]byte(text))
			if err != nil || said["changes"] == nil || said["steps"] == nil {
				t.Errorf("%s: %s, %v", c.records, text, err)
			}
		}
	})
	t.Run("where something has to be read, the program comes with the answers", func(t *testing.T) {
		for _, c := range []struct {
			action  table.Action
			journal bool
			records string
			reads   string
			want    string
		}{
			{table.ActionInsert, false, `[{"id":"2"}]`, "item", `[{"id":"1","text":"a"},{"id":"2"}]`},
			{table.ActionInsert, true, `[{"id":"2"}]`, "item $outbox $meta", `[{"id":"1","text":"a"},{"id":"2"}]`},
			{table.ActionUpdate, false, `[{"id":"1","text":"b"}]`, "item", `[{"id":"1","text":"b"}]`},
			{table.ActionUpdate, true, `[{"id":"1","text":"b"}]`, "item $outbox $meta", `[{"id":"1","text":"b"}]`},
			{"", true, `[{"id":"1"}]`, "item $outbox $meta", `[{"id":"1"}]`},
			{table.ActionDelete, true, `[{"id":"1"}]`, "item $outbox $meta", `null`},
			{table.ActionInsert, true, `[{"id":"1"}]`, "item $outbox $meta", `exists`},
			{table.ActionUpdate, false, `[{"id":"2"}]`, "item", `not-found`},
		} {
			s := open(t, c.journal)
			if _, err := s.Write(t.Context(), table.ActionInsert, "item", table.Record{"id": "1", "text": "a"}); err != nil {
				t.Fatal(err)
			}
			first, err := prepare(t, s, c.action, c.records)
			if err != nil || first.Steps != nil || strings.Join(first.Stores, " ") != c.reads {
				t.Fatalf("%s: got %+v, %v", c.records, first, err)
			}
			err = s.Update(t.Context(), first.Stores, func(tx *store.Tx) error {
				results, err := tx.Run(t.Context(), first.Reads...)
				if err != nil {
					return err
				}
				rows, err := schema.Tables[0].ParseRows([]byte(c.records))
				if err != nil {
					return err
				}
				r, err := s.Prepare(c.action, "item", answers(results), rows...)
				if err != nil {
					return err
				}
				_, err = tx.Run(t.Context(), r.Steps...)
				return err
			})
			got := string(table.CodeOf(err))
			if err == nil {
				got = string(table.AppendJSON(nil, read(t, s)))
			}
			if got != c.want {
				t.Errorf("%s %s: got %s (%v), want %s", c.action, c.records, got, err, c.want)
			}
		}
	})
	t.Run("many records make no program", func(t *testing.T) {
		records := "[" + strings.Repeat(`{"id":"1"},`, 250) + `{"id":"2"}]`
		if r, err := prepare(t, open(t, true), "", records); r != nil || err != nil {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("a record that cannot be stored is an error", func(t *testing.T) {
		for _, records := range []string{`[{"text":1}]`, `[{"id":"a/b"}]`, `[{"other":1}]`} {
			if r, err := prepare(t, open(t, true), table.ActionInsert, records); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("%s: got %v, %v", records, r, err)
			}
		}
	})
}

// read returns all items in order.
func read(t *testing.T, s *store.Store) (rows []table.Record) {
	t.Helper()
	err := s.View(t.Context(), []string{"item"}, func(tx *store.Tx) (err error) {
		rows, err = tx.Table("item").Query(t.Context(), table.NewQuery())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// answers are results as the helper writes them.
func answers(results []store.Result) []byte {
	var list []any
	for _, r := range results {
		if r.Groups == nil {
			list = append(list, r.Rows)
			continue
		}
		var groups []any
		for _, g := range r.Groups {
			groups = append(groups, g)
		}
		list = append(list, groups)
	}
	return table.AppendJSON(nil, list)
}
