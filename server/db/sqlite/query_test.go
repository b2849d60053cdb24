package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/dbtest"
	"github.com/larder-sync/larder/table"
)

func TestQueries(t *testing.T) {
	dbtest.Queries(t, "../../../table/testdata/query", func(t *testing.T) db.DB {
		return mustOpen(t, filepath.Join(t.TempDir(), "larder.db"))
	})
}

// plan returns how SQLite would answer a query of a table of 2,000 rows: the details of its plan, one in a line.
func plan(t *testing.T, raw *sql.DB, s *table.Schema, text string) string {
	t.Helper()
	q, err := table.ParseParameters(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Check(s); err != nil {
		t.Fatal(err)
	}
	page, err := db.SQLite.Page(`"t_thing"`, db.Find{Table: "thing", Schema: s, Query: q})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := raw.Query("EXPLAIN QUERY PLAN "+page.Text, page.Args...)
	if err != nil {
		t.Fatalf("%s: %v", page.Text, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func TestIndexesAreUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "larder.db")
	d := mustOpen(t, path)
	s := &table.Schema{Name: "thing", Columns: []table.Column{{Name: "complete", Type: table.TypeBoolean},
		{Name: "due", Type: table.TypeDate}, {Name: "rank", Type: table.TypeNumber}, {Name: "text", Type: table.TypeString}},
		Indexes: []table.Index{{Columns: []string{"text"}}, {Columns: []string{"complete", "due"}}, {Columns: []string{"rank"}}}}
	var records []table.Record
	for i := range 2000 {
		records = append(records, table.Record{"id": strconv.Itoa(i), "complete": i%2 == 0, "rank": float64(i % 100),
			"text": "item " + strconv.Itoa(i),
			"due":  "2026-11-21T08:00:00.000Z", "updatedAt": "2026-11-21T08:00:00.000Z"})
	}
	dbtest.Fill(t, d, s, records)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for query, want := range map[string]string{
		"$filter=text eq 'item 7'":                      "x_thing.text_",
		"$filter=startswith(text,'item 7')":             "x_thing.text_",
		"$filter=text in ('item 7','item 8')":           "x_thing.text_",
		"$filter=text gt 'item 7'&$orderby=text&$top=5": "x_thing.text_",
		"$orderby=text&$top=5":                          "x_thing.text_",
		"$orderby=text desc&$top=5":                     "x_thing.text_",
		"$filter=rank ge 5 and rank lt 7":               "x_thing.rank_",
		"$filter=rank eq 5 and text ne 'x'":             "x_thing.rank_",
		"$filter=complete eq true and due eq null":      "x_thing.complete+due_",
		"$filter=complete eq true&$orderby=due&$top=5":  "x_thing.complete+due_",
		"$filter=updatedAt ge datetimeoffset'2026-11-21T08:00:00Z'" +
			"&$orderby=updatedAt&$top=50&__includeDeleted=true": "x_thing.updatedAt_",
		"$filter=id gt '5'&$top=5": "sqlite_autoindex",
		"$top=5":                   "sqlite_autoindex",
	} {
		got := plan(t, raw, s, strings.ReplaceAll(query, "+", "%2B"))
		if !strings.Contains(got, want) {
			t.Errorf("%s: the plan is\n%s\nwithout index %s…", query, got, want)
		}
		if sorted := strings.Contains(got, "TEMP B-TREE"); sorted && strings.Contains(query, "$orderby") &&
			!strings.Contains(query, "desc") {
			t.Errorf("%s: sorts\n%s", query, got)
		}
	}
}

func TestIndexesFollowTheSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "larder.db")
	d := mustOpen(t, path)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	names := func(columns ...table.Column) (list []string) {
		t.Helper()
		s := &table.Schema{Name: "thing", Columns: columns}
		for _, c := range columns {
			s.Indexes = append(s.Indexes, table.Index{Columns: []string{c.Name}, MultiEntry: c.Type == table.TypeJSON})
		}
		dbtest.Fill(t, d, s, nil)
		rows, err := raw.Query(`SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'x@_%' ESCAPE '@' ORDER BY name`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			list = append(list, name)
		}
		return list
	}
	one := names(table.Column{Name: "a", Type: table.TypeString}, table.Column{Name: "j", Type: table.TypeJSON})
	if len(one) != 2 || !strings.HasPrefix(one[0], "x_thing.a_") || !strings.HasPrefix(one[1], "x_thing.updatedAt_") {
		t.Errorf("got %v, want one of a and one of updatedAt", one)
	}
	if other := names(table.Column{Name: "a", Type: table.TypeNumber}); len(other) != 2 || other[0] == one[0] || other[1] != one[1] {
		t.Errorf("got %v after %v, want another of a", other, one)
	}
	if none := names(); len(none) != 1 || none[0] != one[1] {
		t.Errorf("got %v, want the one of updatedAt alone", none)
	}
}
