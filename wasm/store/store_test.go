package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

const schemaText = `{"version":1,"tables":{
  "todoitem":{"columns":{"text":"string","complete":"boolean","due":"date","rank":"number"},
              "indexes":["complete","text",["complete","due"],"rank"]},
  "note":{"columns":{"text":"string"},"indexes":[{"columns":["text"],"unique":true}]}}}`

var ctx = context.Background()

// each runs fn once for every backend, with an empty store.
func each(t *testing.T, fn func(t *testing.T, s *store.Store, commits *[]store.Commit)) {
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			var commits []store.Commit
			s := mustOpen(t, open, schemaText, t.Name()+strconv.Itoa(rand.Int()), &commits)
			defer s.Close()
			fn(t, s, &commits)
		})
	}
}

func mustOpen(t *testing.T, open store.Opener, schema, name string, commits *[]store.Commit) *store.Store {
	t.Helper()
	v, err := table.ParseJSON([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	db, err := table.ParseDatabase(v)
	if err != nil {
		t.Fatal(err)
	}
	ids := 0
	s, err := store.Open(ctx, store.Options{Name: name, Schema: db, Open: open,
		NewID: func() string { ids++; return "new-" + strconv.Itoa(ids) },
		OnCommit: func(c store.Commit) {
			if commits != nil {
				*commits = append(*commits, c)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func update(t *testing.T, s *store.Store, fn func(items *store.TxTable) error) error {
	t.Helper()
	return s.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error { return fn(tx.Table("todoitem")) })
}

func query(t *testing.T, s *store.Store, name, text string) []table.Record {
	t.Helper()
	v, err := table.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	q, err := table.ParseQuery(v)
	if err != nil {
		t.Fatal(err)
	}
	var rows []table.Record
	if err := s.View(ctx, []string{name}, func(tx *store.Tx) (err error) {
		rows, err = tx.Table(name).Query(ctx, q)
		return err
	}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return rows
}

func ids(rows []table.Record) []string {
	list := []string{}
	for _, r := range rows {
		list = append(list, r.ID())
	}
	return list
}

func TestWrites(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, commits *[]store.Commit) {
		get := func(id string) (r table.Record) {
			if err := s.View(ctx, []string{"todoitem"}, func(tx *store.Tx) (err error) {
				r, err = tx.Table("todoitem").Get(ctx, id)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return r
		}
		code := func(want table.Code, err error) {
			t.Helper()
			if table.CodeOf(err) != want {
				t.Errorf("got %v, want code %q", err, want)
			}
		}
		insert := func(rs ...table.Record) error {
			return update(t, s, func(items *store.TxTable) error { _, err := items.Insert(ctx, rs...); return err })
		}

		t.Run("an insert is stored as given, and told once", func(t *testing.T) {
			want := table.Record{"id": "1", "text": "bread", "complete": false, "due": nil, "rank": 1.5}
			if err := insert(want); err != nil {
				t.Fatal(err)
			}
			if got := get("1"); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			told := store.Commit{Changes: []store.Change{{Store: "todoitem", IDs: []string{"1"}}}}
			if len(*commits) != 1 || !reflect.DeepEqual((*commits)[0], told) {
				t.Errorf("commits %v, want %v", *commits, told)
			}
		})
		t.Run("a record without an id is given one", func(t *testing.T) {
			if err := insert(table.Record{"text": "milk"}); err != nil {
				t.Fatal(err)
			}
			if get("new-1") == nil {
				t.Error("the record is not there")
			}
		})
		t.Run("an insert of an id that is taken stores nothing", func(t *testing.T) {
			code(table.CodeExists, insert(table.Record{"id": "2"}, table.Record{"id": "1"}))
			if get("2") != nil {
				t.Error("a part of the refused insert was stored")
			}
		})
		t.Run("an update merges columns and needs the record", func(t *testing.T) {
			change := func(r table.Record) error {
				return update(t, s, func(items *store.TxTable) error { _, err := items.Update(ctx, r); return err })
			}
			if err := change(table.Record{"id": "1", "complete": true}); err != nil {
				t.Fatal(err)
			}
			if got := get("1"); got["complete"] != true || got["text"] != "bread" {
				t.Errorf("got %v", got)
			}
			code(table.CodeNotFound, change(table.Record{"id": "none", "complete": true}))
		})
		t.Run("a put replaces the record; of two with one id the last wins", func(t *testing.T) {
			err := update(t, s, func(items *store.TxTable) error {
				_, err := items.Put(ctx, table.Record{"id": "1", "text": "a"}, table.Record{"id": "1", "rank": 2.0})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := get("1"), (table.Record{"id": "1", "rank": 2.0}); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
		t.Run("a delete needs no record", func(t *testing.T) {
			if err := update(t, s, func(items *store.TxTable) error { return items.Delete(ctx, "1", "never") }); err != nil {
				t.Fatal(err)
			}
			if get("1") != nil {
				t.Error("the record is still there")
			}
		})
		t.Run("what the schema does not know is refused by name", func(t *testing.T) {
			code(table.CodeInvalid, insert(table.Record{"id": "9", "colour": "red"}))
			code(table.CodeInvalid, insert(table.Record{"id": "9", "complete": "yes"}))
			code(table.CodeInvalid, insert(table.Record{"id": "a/b"}))
		})
		t.Run("a table that is not there is not found", func(t *testing.T) {
			code(table.CodeNotFound, s.Update(ctx, []string{"nothing"}, func(*store.Tx) error { return nil }))
		})
		t.Run("a unique index refuses a second value", func(t *testing.T) {
			err := s.Update(ctx, []string{"note"}, func(tx *store.Tx) error {
				_, err := tx.Table("note").Insert(ctx, table.Record{"id": "1", "text": "x"}, table.Record{"id": "2", "text": "x"})
				return err
			})
			code(table.CodeConstraint, err)
			if n := len(query(t, s, "note", `{}`)); n != 0 {
				t.Errorf("%d notes were stored", n)
			}
		})
	})
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	errMine := errors.New("mine")
	for name, end := range map[string]func(cancel func()) error{
		"when its function fails":  func(func()) error { return errMine },
		"when its function panics": func(func()) error { panic("oh") },
		"when its context ends":    func(cancel func()) error { cancel(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *store.Store, commits *[]store.Commit) {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				err := s.Update(ctx, []string{"todoitem", "note"}, func(tx *store.Tx) error {
					if _, err := tx.Table("todoitem").Insert(ctx, table.Record{"id": "1"}); err != nil {
						return err
					}
					if _, err := tx.Table("note").Insert(ctx, table.Record{"id": "1"}); err != nil {
						return err
					}
					return end(cancel)
				})
				if err == nil {
					t.Fatal("the transaction reports success")
				}
				if n := len(query(t, s, "todoitem", `{}`)) + len(query(t, s, "note", `{}`)); n != 0 {
					t.Errorf("%d records of it were kept after %v", n, err)
				}
				if len(*commits) != 0 {
					t.Errorf("a commit was told: %v", *commits)
				}
			})
		})
	}
}

// TestQueriesAgreeWithTheirDefinition compares what the planner's scans give with the query applied to all records.
func TestQueriesAgreeWithTheirDefinition(t *testing.T) {
	queries := []string{
		`{}`, `{"take":3}`, `{"skip":2,"take":3}`, `{"take":0}`,
		`{"where":[{"id":"07"}]}`, `{"filter":["id ge '05' and id lt '09'"]}`,
		`{"where":[{"complete":false}]}`, `{"where":[{"complete":null}]}`, `{"filter":["complete"]}`, `{"filter":["not complete"]}`,
		`{"filter":["complete ne null"]}`, `{"filter":["complete eq true and rank gt 3"]}`,
		`{"where":[{"complete":false}],"orderBy":["due"],"take":4}`, `{"where":[{"complete":false}],"orderBy":["due desc"],"take":4}`,
		`{"filter":["complete eq false and due ge datetime'2026-03-01T00:00:00Z'"],"orderBy":["due"]}`,
		`{"filter":["complete eq false and due lt datetime'2026-03-05T00:00:00Z'"]}`,
		`{"filter":["complete eq false and due gt datetime'2026-03-01T00:00:00Z' and due le datetime'2026-03-05T00:00:00Z'"]}`,
		`{"filter":["rank lt 4"]}`, `{"filter":["rank le 4"],"orderBy":["rank"]}`, `{"filter":["rank gt 2 and rank lt 6"],"orderBy":["rank"],"skip":1,"take":3}`,
		`{"filter":["rank gt 2 and rank gt 4"]}`, `{"filter":["rank ne 3"]}`, `{"filter":["rank eq null"]}`, `{"filter":["rank gt '2'"]}`,
		`{"orderBy":["rank"]}`, `{"orderBy":["rank desc"]}`, `{"orderBy":["rank","text desc"]}`, `{"orderBy":["text"],"skip":3,"take":5}`,
		`{"filter":["startswith(text,'a') or rank eq 5"],"orderBy":["text desc"]}`, `{"where":[{"text":"b"}],"orderBy":["id"]}`,
		`{"where":[{"text":"b"}],"orderBy":["id desc"]}`, `{"where":[{"text":"b"}],"orderBy":["text","rank"]}`,
	}
	each(t, func(t *testing.T, s *store.Store, _ *[]store.Commit) {
		rng := rand.New(rand.NewPCG(1, 2))
		pick := func(values ...any) any { return values[rng.IntN(len(values))] }
		var all []table.Record
		for i := range 40 {
			r := table.Record{"id": fmt.Sprintf("%02d", i), "text": pick("a", "b", "c", "ab", "é", "\U0001F600", nil),
				"complete": pick(true, false, nil), "rank": pick(1.0, 2.0, 3.0, 4.0, 5.0, -7.5, nil)}
			if due := pick("2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z", "2026-03-05T00:00:00.000Z", "", nil); due != "" {
				r["due"] = due
			}
			all = append(all, r)
		}
		if err := update(t, s, func(items *store.TxTable) error { _, err := items.Put(ctx, all...); return err }); err != nil {
			t.Fatal(err)
		}
		for _, text := range queries {
			v, _ := table.ParseJSON([]byte(text))
			q, err := table.ParseQuery(v)
			if err != nil {
				if text == `{"filter":["rank gt '2'"]}` {
					continue
				}
				t.Fatalf("%s: %v", text, err)
			}
			schema, _ := s.Schema("todoitem")
			if q.Check(schema) != nil {
				continue // refused before it can be planned
			}
			plan, err := s.Plan("todoitem", q)
			if err != nil {
				t.Fatal(err)
			}
			want, got := ids(q.Apply(all)), ids(query(t, s, "todoitem", text))
			if !slices.Equal(got, want) {
				t.Errorf("%s (%s)\n got %v\nwant %v", text, plan.Explain, got, want)
			}
			var n int
			if err := s.View(ctx, []string{"todoitem"}, func(tx *store.Tx) (err error) {
				n, err = tx.Table("todoitem").Count(ctx, q)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			unbounded := *q
			unbounded.Skip, unbounded.Take = 0, table.All
			if want := len(unbounded.Apply(all)); n != want {
				t.Errorf("%s: count %d, want %d", text, n, want)
			}
		}
	})
}
