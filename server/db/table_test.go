package db_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/larder-sync/larder/server/db"
)

func TestParseTable(t *testing.T) {
	t.Run("what is left out has Azure's values, but deletes are remembered", func(t *testing.T) {
		table, err := db.ParseTable("note", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if !table.Schema.Dynamic || !table.SoftDelete || table.PageSize != 50 || table.MaxTop != 1000 || table.Name() != "note" {
			t.Errorf("%+v, %+v", table, table.Schema)
		}
	})

	for name, file := range map[string]struct{ text, want string }{
		"broken JSON tells the byte":                {`{"columns":}`, "byte 11"},
		"an unknown type names the column":          {`{"columns":{"due":"moment"}}`, "due"},
		"an index of no column names it":            {`{"columns":{},"indexes":["due"],"dynamicSchema":false}`, "due"},
		"a page size must be a number":              {`{"pageSize":"many"}`, "pageSize"},
		"a page cannot be greater than the maximum": {`{"pageSize":20,"maxTop":10}`, "pageSize"},
		"a wrong seed is counted":                   {`{"columns":{"n":"number"},"seed":[{"n":1},{"n":"one"}]}`, "seed, record 2"},
		"seeds are records":                         {`{"seed":["bread"]}`, "seed, record 1"},
		"softDelete is a boolean":                   {`{"softDelete":"yes"}`, "softDelete"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := db.LoadTables(fstest.MapFS{"note.json": {Data: []byte(file.text)}})
			if err == nil || !strings.Contains(err.Error(), file.want) || !strings.Contains(err.Error(), "note.json") {
				t.Errorf("error = %v, want one that names note.json and %q", err, file.want)
			}
		})
	}
}

func TestLoadTables(t *testing.T) {
	t.Run("the sample apps' tables", func(t *testing.T) {
		tables, err := db.LoadTables(os.DirFS("../../tables"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, table := range tables {
			names = append(names, table.Name())
		}
		if got := strings.Join(names, " "); got != "language todoitem" {
			t.Errorf("tables: %s", got)
		}
		if n := len(tables[1].Seed); n != 3 {
			t.Errorf("todoitem has %d seeds", n)
		}
	})

	t.Run("names that SQL would mix up", func(t *testing.T) {
		_, err := db.LoadTables(fstest.MapFS{"Note.json": {Data: []byte(`{}`)}, "note.json": {Data: []byte(`{}`)}})
		if err == nil || !strings.Contains(err.Error(), "Note.json") {
			t.Errorf("error = %v", err)
		}
	})

	t.Run("a file whose name cannot be a table's", func(t *testing.T) {
		_, err := db.LoadTables(fstest.MapFS{"my notes.json": {Data: []byte(`{}`)}})
		if err == nil || !strings.Contains(err.Error(), "my notes.json") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestCursor(t *testing.T) {
	for _, c := range []db.Cursor{
		{},
		db.At(db.Mark{Boot: "k3x", Seq: 12}),
		{Anchor: db.Mark{Boot: "k3x", Seq: 12}, After: 5},
		{Anchor: db.Mark{Boot: "k3x", Seq: 12}},
	} {
		if got, err := db.ParseCursor(c.String()); got != c || err != nil {
			t.Errorf("%+v as %q reads back as %+v, %v", c, c, got, err)
		}
	}
	for _, text := range []string{"", "12", "k3x", "k3x-", "k3x-0", "-12", "k3x--1", "k3x-012", "k3x-+1", "k3x-12.12", "k3x-12.", "k3x-9999999999999999999"} {
		if c, err := db.ParseCursor(text); err == nil {
			t.Errorf("%q reads as %+v", text, c)
		}
	}
}
