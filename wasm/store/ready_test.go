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
		return s
	}
	prepare := func(t *testing.T, s *store.Store, action table.Action, records string) (*store.Ready, error) {
		rows, err := schema.Tables[0].ParseRows([]byte(records))
		if err != nil {
			t.Fatal(err)
		}
		return s.Prepare(action, "item", rows...)
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
			text := string(r.AppendJSON(nil, "told"))
			said, err := table.ParseRecord([]byte(text))
			if err != nil || said["changes"] != "told" || said["steps"] == nil {
				t.Errorf("%s: %s, %v", c.records, text, err)
			}
		}
	})
	t.Run("where something has to be read, there is none, and nothing has happened", func(t *testing.T) {
		for _, c := range []struct {
			action  table.Action
			journal bool
			records string
		}{
			{table.ActionInsert, false, `[{"id":"1"}]`}, {table.ActionInsert, true, `[{"text":"a"},{"id":"1"}]`},
			{table.ActionUpdate, false, `[{"id":"1","text":"b"}]`}, {"", true, `[{"id":"1"}]`}, {"", true, `[{"text":"new"}]`},
			{table.ActionDelete, true, `[{"id":"1"}]`}, {"", false, "[" + strings.Repeat(`{"id":"1"},`, 250) + `{"id":"2"}]`},
		} {
			s := open(t, c.journal)
			if r, err := prepare(t, s, c.action, c.records); r != nil || err != nil {
				t.Errorf("%.40s: got %+v, %v", c.records, r, err)
			}
			if rows := read(t, s); len(rows) > 0 {
				t.Errorf("%.40s: there is %v", c.records, rows)
			}
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
