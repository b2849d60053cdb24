package store_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// place is a database that is opened again and again, in versions of a schema.
type place struct {
	t    *testing.T
	open store.Opener
	name string
}

// eachPlace runs fn once for every kind of backend that keeps a database, with one that is not there yet.
func eachPlace(t *testing.T, fn func(t *testing.T, p *place)) {
	for name, open := range openers() {
		if name == "fleeting" {
			continue // it is new whenever it is opened
		}
		t.Run(name, func(t *testing.T) { fn(t, &place{t, open, t.Name() + strconv.Itoa(rand.Int())}) })
	}
}

func (p *place) options(schema string, migrate store.Migrations) store.Options {
	p.t.Helper()
	v, err := table.ParseJSON([]byte(schema))
	if err != nil {
		p.t.Fatal(err)
	}
	db, err := table.ParseDatabase(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return store.Options{Name: p.name, Schema: db, Open: p.open, Migrate: migrate}
}

func (p *place) must(o store.Options) *store.Store {
	p.t.Helper()
	s, err := store.Open(ctx, o)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func keep(t *testing.T, s *store.Store, name string, rows ...table.Record) {
	t.Helper()
	if _, err := s.Write(ctx, "", name, rows...); err != nil {
		t.Fatal(err)
	}
}

const (
	people1 = `{"version":1,"tables":{"person":{"columns":{"name":"string","age":"integer","fax":"string"},"indexes":["age"]},
		"old":{"columns":{"text":"string"}}}}`
	people2 = `{"version":2,"tables":{"person":{"columns":{"first":"string","last":"string","age":"integer"},"indexes":["last","age"]},
		"fresh":{"columns":{"text":"string"}}}}`
	people3 = `{"version":3,"tables":{"person":{"columns":{"first":"string","last":"string","age":"number","adult":"boolean"},
		"indexes":["last",["adult","age"]]}}}`
)

// split is the migration to version 2, grow the one to version 3.
func split(r table.Record) (table.Record, error) {
	name, _ := r["name"].(string)
	if name == "" {
		return nil, nil
	}
	first, last, found := strings.Cut(name, " ")
	if !found {
		return nil, errors.New("one name is not enough")
	}
	delete(r, "name")
	r["first"], r["last"] = first, last
	return r, nil
}

func grow(r table.Record) (table.Record, error) {
	age, _ := r["age"].(float64)
	r["adult"] = age >= 18
	return r, nil
}

func TestMigration(t *testing.T) {
	migrations := store.Migrations{2: {"person": store.Each(split)}, 3: {"person": store.Each(grow)}}
	start := func(t *testing.T, p *place, rows ...table.Record) {
		s := p.must(p.options(people1, nil))
		keep(t, s, "person", rows...)
		keep(t, s, "old", table.Record{"id": "x", "text": "y"})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ada := table.Record{"id": "ada", "name": "Ada Lovelace", "age": 36.0, "fax": "1"}
	tom := table.Record{"id": "tom", "name": "Tom Thumb", "age": 7.0, "fax": nil}

	t.Run("rows go through every version between, into the new indexes", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			start(t, p, ada, tom, table.Record{"id": "nobody", "name": ""})
			s := p.must(p.options(people3, migrations))
			defer s.Close()
			want := []table.Record{
				{"id": "ada", "first": "Ada", "last": "Lovelace", "age": 36.0, "adult": true},
				{"id": "tom", "first": "Tom", "last": "Thumb", "age": 7.0, "adult": false}}
			if got := query(t, s, "person", `{"orderBy":["last"]}`); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			for q, id := range map[string]string{`{"where":[{"adult":false}]}`: "tom", `{"where":[{"last":"Lovelace"}]}`: "ada",
				`{"where":[{"adult":true}],"orderBy":["age"]}`: "ada"} {
				if got := ids(query(t, s, "person", q)); !reflect.DeepEqual(got, []string{id}) {
					t.Errorf("%s gives %v, want %s", q, got, id)
				}
			}
		})
	})
	t.Run("more rows than a slice", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			var rows []table.Record
			for i := range 1201 {
				rows = append(rows, table.Record{"id": strconv.Itoa(i), "name": "N " + strconv.Itoa(i), "age": float64(i % 90)})
			}
			start(t, p, rows...)
			most := 0
			watched := maps.Clone(migrations)
			watched[2] = map[string]store.Migration{"person": func(records []table.Record) ([]table.Record, error) {
				most = max(most, len(records))
				return migrations[2]["person"](records)
			}}
			s := p.must(p.options(people3, watched))
			defer s.Close()
			if most == 0 || most > 500 {
				t.Errorf("%d records were migrated at once, which holds the page", most)
			}
			if got := len(query(t, s, "person", `{"filter":["last ge '0' and last lt 'a'"]}`)); got != 1201 {
				t.Errorf("%d rows have a last name, want 1201", got)
			}
		})
	})
	t.Run("tables, columns and indexes come and go without a function", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			start(t, p, ada)
			s := p.must(p.options(`{"version":2,"tables":{"person":{"columns":{"name":"string","age":"integer","town":"string"},
				"indexes":["name",["town","name"]]},"fresh":{"columns":{"text":"string"}}}}`, nil))
			defer s.Close()
			want := []table.Record{{"id": "ada", "name": "Ada Lovelace", "age": 36.0}}
			for _, q := range []string{`{"where":[{"name":"Ada Lovelace"}]}`, `{"where":[{"town":null}],"orderBy":["name"]}`} {
				if got := query(t, s, "person", q); !reflect.DeepEqual(got, want) {
					t.Errorf("%s gives %v, want %v", q, got, want)
				}
			}
			keep(t, s, "fresh", table.Record{"id": "1", "text": "new"})
		})
	})
	t.Run("system columns are nobody's to change", func(t *testing.T) {
		c := &store.Converter{Schema: (&place{t: t}).options(people2, nil).Schema, Migrations: store.Migrations{2: {"person": store.Each(
			func(r table.Record) (table.Record, error) {
				return table.Record{"first": "A", "version": "forged", "deleted": true}, nil
			})}}}
		got, err := c.Convert("person", 1, []table.Record{{"id": "1", "name": "B", "version": "v7", "updatedAt": "2026-01-01T00:00:00.000Z"}})
		want := table.Record{"id": "1", "first": "A", "version": "v7", "updatedAt": "2026-01-01T00:00:00.000Z"}
		if err != nil || !reflect.DeepEqual(got[0], want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})

	wrong := func(change func(table.Record)) store.Migrations {
		return store.Migrations{2: {"person": store.Each(func(r table.Record) (table.Record, error) {
			r, err := split(r)
			if r != nil && r["last"] == "Thumb" {
				change(r)
			}
			return r, err
		})}}
	}
	for name, c := range map[string]struct {
		migrate store.Migrations
		names   []string // what the error must name
	}{
		"a function fails": {store.Migrations{2: {"person": store.Each(func(r table.Record) (table.Record, error) {
			return split(table.Record{"id": r.ID(), "name": "Cher"})
		})}}, []string{"person", "one name is not enough", "ada"}},
		"a value does not fit":     {wrong(func(r table.Record) { r["age"] = "seven" }), []string{"person", "tom", "age"}},
		"a column is not declared": {wrong(func(r table.Record) { r["frist"] = "Tom" }), []string{"person", "tom", "frist"}},
		"an id changes":            {wrong(func(r table.Record) { r["id"] = "thumb" }), []string{"person", "tom", "another id"}},
		"an answer is missing": {store.Migrations{2: {"person": func(r []table.Record) ([]table.Record, error) { return r[1:], nil }}},
			[]string{"person", "2 records", "1 came out"}},
	} {
		t.Run("when "+name+", the old version is as it was", func(t *testing.T) {
			eachPlace(t, func(t *testing.T, p *place) {
				start(t, p, ada, tom)
				_, err := store.Open(ctx, p.options(people2, c.migrate))
				if table.CodeOf(err) != table.CodeMigration {
					t.Fatalf("got %v, want code migration", err)
				}
				for _, part := range c.names {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("the error %q does not name %q", err, part)
					}
				}
				s := p.must(p.options(people1, nil))
				defer s.Close()
				if got := query(t, s, "person", `{"orderBy":["age desc"]}`); !reflect.DeepEqual(got, []table.Record{ada, tom}) {
					t.Errorf("the old rows are %v", got)
				}
				if got := ids(query(t, s, "old", `{}`)); !reflect.DeepEqual(got, []string{"x"}) {
					t.Errorf("the table that was to go has %v", got)
				}
			})
		})
	}
	t.Run("rows that break a unique index fail it, unless they are migrated", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			start(t, p, ada, table.Record{"id": "eve", "name": "Eve Adams", "age": 36.0})
			const unique = `{"version":2,"tables":{"person":{"columns":{"name":"string","age":"integer"},
				"indexes":[{"columns":["age"],"unique":true}]}}}`
			if _, err := store.Open(ctx, p.options(unique, nil)); table.CodeOf(err) != table.CodeMigration || !strings.Contains(err.Error(), "person") {
				t.Fatalf("got %v, want code migration and the table", err)
			}
			younger := store.Each(func(r table.Record) (table.Record, error) {
				if r.ID() == "eve" {
					r["age"] = 35.0
				}
				return r, nil
			})
			s := p.must(p.options(unique, store.Migrations{2: {"person": younger}}))
			defer s.Close()
			if _, err := s.Write(ctx, "", "person", table.Record{"id": "new", "age": 35.0}); table.CodeOf(err) != table.CodeConstraint {
				t.Errorf("got %v, want code constraint: the index is not unique", err)
			}
		})
	})
	t.Run("a context that ends undoes it", func(t *testing.T) {
		eachPlace(t, func(t *testing.T, p *place) {
			start(t, p, ada, tom)
			ctx, cancel := context.WithCancel(ctx)
			_, err := store.Open(ctx, p.options(people2, store.Migrations{2: {"person": store.Each(func(r table.Record) (table.Record, error) {
				cancel()
				return split(r)
			})}}))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's error", err)
			}
			s := p.must(p.options(people1, nil))
			defer s.Close()
			if got := ids(query(t, s, "person", `{"orderBy":["age"]}`)); !reflect.DeepEqual(got, []string{"tom", "ada"}) {
				t.Errorf("the old rows are %v", got)
			}
		})
	})
	t.Run("migrations that can never run are refused", func(t *testing.T) {
		p := &place{t: t, open: store.Memory(), name: "app"}
		for _, m := range []store.Migrations{{1: {}}, {3: {}}, {2: {"nobody": store.Each(split)}}} {
			if _, err := store.Open(ctx, p.options(people2, m)); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("%v: got %v, want code invalid", m, err)
			}
		}
	})
}
