package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

type stamped struct {
	UpdatedAt time.Time
	Version   string
}

type status string

type task struct {
	ID       string
	Text     string `json:"text,omitempty"`
	Status   status `larder:"status,index"`
	Complete bool
	Due      time.Time `larder:"due,index"`
	Rank     int       `larder:",omitempty"`
	Weight   *float64
	Seen     *time.Time
	Small    uint8
	Tags     []string
	Place    struct {
		Name string
		At   map[string]float32
	}
	More   any
	Hidden string `larder:"-"`
	inside int
	stamped
}

func tasks(t *testing.T, open store.Opener) (*store.Store, *store.Table[task]) {
	t.Helper()
	schema, err := store.SchemaOf[task]("task", table.Index{Columns: []string{"complete", "due"}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	s, err := store.Open(ctx, store.Options{Name: t.Name() + strconv.Itoa(rand.Int()), Open: open, NewID: func() string { n++; return "new-" + strconv.Itoa(n) },
		Schema: &table.Database{Version: 1, Tables: []*table.Schema{schema}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	typed, err := store.TableOf[task](s, "task")
	if err != nil {
		t.Fatal(err)
	}
	return s, typed
}

func TestTypedTable(t *testing.T) {
	weight, seen := 1.5, time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	full := task{ID: "1", Text: "é🧀", Status: "open", Complete: true, Due: seen, Rank: -7, Weight: &weight, Seen: &seen, Small: 255,
		Tags: []string{"a", ""}, More: map[string]any{"list": []any{1.0, nil, "x"}}, Hidden: "not stored", inside: 3}
	full.Place.Name, full.Place.At = "Oslo", map[string]float32{"lat": 59.5}
	for backend, open := range openers() {
		t.Run(backend+": a struct comes back as it was put", func(t *testing.T) {
			_, typed := tasks(t, open)
			given := full
			if err := typed.Put(ctx, &given); err != nil {
				t.Fatal(err)
			}
			want := full
			want.Hidden, want.inside = "", 0
			if got, err := typed.Get(ctx, "1"); err != nil || !reflect.DeepEqual(*got, want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
			if got, err := typed.Get(ctx, "none"); got != nil || err != nil {
				t.Errorf("a record that is not there is %v, %v", got, err)
			}
		})
		t.Run(backend+": nulls and what is absent are zero, a nil pointer is null, omitempty is absent", func(t *testing.T) {
			s, typed := tasks(t, open)
			zero := task{}
			if err := typed.Insert(ctx, &zero); err != nil || zero.ID != "new-1" {
				t.Fatalf("inserted %q, %v", zero.ID, err)
			}
			var r table.Record
			if err := s.View(ctx, []string{"task"}, func(tx *store.Tx) (err error) { r, err = tx.Table("task").Get(ctx, "new-1"); return err }); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"text", "rank", "updatedAt", "version", "hidden", "inside"} {
				if v, ok := r[name]; ok {
					t.Errorf("column %s is there, as %v", name, v)
				}
			}
			for _, name := range []string{"weight", "seen", "due", "tags", "more"} {
				if v, ok := r[name]; !ok || v != nil {
					t.Errorf("column %s is %v, %v, not null", name, v, ok)
				}
			}
			if got, err := typed.Get(ctx, "new-1"); err != nil || !reflect.DeepEqual(*got, zero) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
		t.Run(backend+": queries, counts and pages", func(t *testing.T) {
			_, typed := tasks(t, open)
			var all []*task
			for i := range 1200 {
				all = append(all, &task{ID: fmt.Sprintf("%04d", i), Status: "open", Complete: i%2 == 0, Rank: i})
			}
			if err := typed.Put(ctx, all...); err != nil {
				t.Fatal(err)
			}
			q, err := table.ParseParameters("$filter=complete eq true&$orderby=rank desc&$top=2")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := typed.Query(ctx, q); err != nil || len(got) != 2 || got[0].Rank != 1198 || got[1].Rank != 1196 {
				t.Errorf("got %v, %v", got, err)
			}
			if n, err := typed.Count(ctx, nil); n != 1200 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			next := 0
			for v, err := range typed.Each(ctx, nil) {
				if err != nil || v.Rank != next {
					t.Fatalf("%d instead of %d, %v", v.Rank, next, err)
				}
				if next++; next == 1100 {
					break
				}
			}
			if next != 1100 {
				t.Errorf("the loop ended at %d", next)
			}
		})
		t.Run(backend+": an update keeps what the struct has no field for, and an error of its function changes nothing", func(t *testing.T) {
			s, _ := tasks(t, open)
			type part struct {
				ID   string
				Text string `json:"text"`
			}
			parts, err := store.TableOf[part](s, "task")
			if err != nil {
				t.Fatal(err)
			}
			typed, err := store.TableOf[task](s, "task")
			if err != nil {
				t.Fatal(err)
			}
			given := full
			if err := typed.Put(ctx, &given); err != nil {
				t.Fatal(err)
			}
			mine := errors.New("mine")
			if err := parts.Update(ctx, "1", func(p *part) error { p.Text = "lost"; return mine }); !errors.Is(err, mine) {
				t.Error(err)
			}
			if err := parts.Update(ctx, "1", func(p *part) error { p.Text += "!"; return nil }); err != nil {
				t.Fatal(err)
			}
			if got, err := typed.Get(ctx, "1"); err != nil || got.Text != "é🧀!" || got.Rank != -7 || !got.Due.Equal(seen) {
				t.Errorf("got %+v, %v", got, err)
			}
			if err := parts.Update(ctx, "none", func(*part) error { return nil }); table.CodeOf(err) != table.CodeNotFound {
				t.Error(err)
			}
		})
		t.Run(backend+": within a transaction all of it is kept, or nothing", func(t *testing.T) {
			s, typed := tasks(t, open)
			mine := errors.New("mine")
			for _, fail := range []error{mine, nil} {
				err := s.Update(ctx, []string{"task"}, func(tx *store.Tx) error {
					in := typed.In(tx)
					if err := in.Put(ctx, &task{ID: "a"}, &task{ID: "b"}); err != nil {
						return err
					}
					if err := in.Delete(ctx, "a"); err != nil {
						return err
					}
					return fail
				})
				if !errors.Is(err, fail) {
					t.Fatal(err)
				}
				if n, err := typed.Count(ctx, nil); (n == 1) != (fail == nil) || err != nil {
					t.Errorf("%d records after %v, %v", n, fail, err)
				}
			}
		})
		t.Run(backend+": a live query gives structs", func(t *testing.T) {
			_, typed := tasks(t, open)
			ctx, cancel := context.WithCancel(ctx)
			next, stop := iter.Pull2(typed.Live(ctx, nil))
			defer stop()
			if a, err, _ := next(); err != nil || len(a.Rows) != 0 {
				t.Fatal(a, err)
			}
			if err := typed.Put(ctx, &task{ID: "1", Text: "a"}); err != nil {
				t.Fatal(err)
			}
			if a, err, _ := next(); err != nil || len(a.Added) != 1 || a.Added[0].Text != "a" {
				t.Errorf("%+v, %v", a, err)
			}
			if err := typed.Delete(ctx, "1"); err != nil {
				t.Fatal(err)
			}
			if a, err, _ := next(); err != nil || len(a.Rows) != 0 || !reflect.DeepEqual(a.Removed, []string{"1"}) {
				t.Errorf("%+v, %v", a, err)
			}
			cancel()
			if _, err, _ := next(); table.CodeOf(err) != table.CodeAborted {
				t.Error(err)
			}
		})
	}
}

func TestTypedTableErrors(t *testing.T) {
	s, typed := tasks(t, store.Memory())
	t.Run("a type that is no record is told with its field", func(t *testing.T) {
		type noID struct{ Text string }
		type twice struct {
			ID   string
			A, B string `larder:"a"`
		}
		type channel struct {
			ID string
			C  chan int
		}
		type tree struct {
			ID   string
			Kids []tree
		}
		type misspelt struct {
			ID string `larder:"id,unqiue"`
		}
		type keyed struct {
			ID string
			M  map[int]string
		}
		for want, err := range map[string]error{
			"no struct":             schemaError[int](),
			"no field ID":           schemaError[noID](),
			"two fields for column": schemaError[twice](),
			"field C":               schemaError[channel](),
			"holds itself":          schemaError[tree](),
			"no option unqiue":      schemaError[misspelt](),
			"keys are no strings":   schemaError[keyed](),
		} {
			if table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
	})
	t.Run("a type that does not fit the table is told with its column", func(t *testing.T) {
		type unknown struct{ ID, Colour string }
		type other struct {
			ID       string
			Complete string
		}
		_, err := store.TableOf[unknown](s, "task")
		_, err2 := store.TableOf[other](s, "task")
		_, err3 := store.TableOf[task](s, "nothing")
		if table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), "colour") {
			t.Error(err)
		}
		if table.CodeOf(err2) != table.CodeInvalid || !strings.Contains(err2.Error(), "complete") {
			t.Error(err2)
		}
		if table.CodeOf(err3) != table.CodeNotFound {
			t.Error(err3)
		}
	})
	t.Run("values that cannot be stored are told, and nothing is", func(t *testing.T) {
		loop := map[string]any{}
		loop["loop"] = loop
		for want, v := range map[string]*task{
			"2^53":     {ID: "1", Rank: 1<<53 + 1},
			"year":     {ID: "1", Due: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
			"too deep": {ID: "1", More: loop},
			"more":     {ID: "1", More: func() {}},
			"text":     {ID: "1", Text: "a\x00"},
			"a/b":      {ID: "a/b"},
			"nil":      nil,
		} {
			if err := typed.Put(ctx, v); table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
		if n, err := typed.Count(ctx, nil); n != 0 || err != nil {
			t.Errorf("%d are stored, %v", n, err)
		}
	})
	t.Run("a stored number that does not fit the field is told with its record", func(t *testing.T) {
		if err := s.Update(ctx, []string{"task"}, func(tx *store.Tx) error {
			_, err := tx.Table("task").Put(ctx, table.Record{"id": "7", "small": 256})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := typed.Get(ctx, "7"); table.CodeOf(err) != table.CodeInvalid || !strings.Contains(err.Error(), "small of record 7") {
			t.Error(err)
		}
	})
}

func schemaError[T any]() error {
	_, err := store.SchemaOf[T]("table")
	return err
}
