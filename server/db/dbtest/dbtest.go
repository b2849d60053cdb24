// Package dbtest holds what every [db.DB] must do, as tests that each implementation runs.
package dbtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/db"
)

// Run runs the tests. Open returns a new, empty database; Run closes it.
func Run(t *testing.T, open func(t *testing.T) db.DB) {
	for name, test := range map[string]func(*testing.T, db.DB){
		"a write transaction":      testUpdate,
		"rows":                     testRows,
		"counters":                 testCounters,
		"verdicts":                 testVerdicts,
		"columns":                  testColumns,
		"changes":                  testChanges,
		"changes of one owner":     testOwned,
		"lineage":                  testLineage,
		"what was deleted is gone": testPurge,
		"the tail of the feed":     testTail,
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			defer func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}()
			update(t, d, func(tx db.Tx) error {
				created, err := tx.Create("note")
				if err == nil && !created {
					t.Error("a new table was there before")
				}
				return err
			})
			test(t, d)
		})
	}
}

func update(t *testing.T, d db.DB, fn func(db.Tx) error) {
	t.Helper()
	if err := d.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// writer writes rows to "note", each with the next number.
type writer struct {
	t    *testing.T
	d    db.DB
	boot string
	rows map[string]db.Row
}

// put writes rows in one transaction: "id", "id:owner", or "-id" to delete one.
func (w *writer) put(rows ...db.Row) {
	w.t.Helper()
	if w.rows == nil {
		w.rows = map[string]db.Row{}
	}
	update(w.t, w.d, func(tx db.Tx) error {
		was, err := tx.Counter("note")
		if err != nil {
			return err
		}
		now := was
		now.Boot = w.boot
		var moves []db.Move
		for _, r := range rows {
			now.Seq++
			now.At++
			old := w.rows[r.ID]
			if !r.Deleted && (old.Seq == 0 || old.Deleted) {
				now.Live++
			}
			if r.Deleted {
				now.Live--
			}
			r.Seq = now.Seq
			r.Data = fmt.Appendf(nil, `{"id":%q,"n":%d,"text":"ä\"\\u0001"}`, r.ID, r.Seq)
			m := db.Move{Row: r, Old: old.Seq, Was: old.Data}
			if old.Owner != r.Owner {
				m.Left = old.Owner
			}
			moves = append(moves, m)
			w.rows[r.ID] = r
		}
		if err := tx.Advance("note", was, now); err != nil {
			return err
		}
		return tx.Put("note", moves)
	})
}

func testColumns(t *testing.T, d db.DB) {
	for _, add := range [][]string{{"é", "a"}, {"a", "B", "a b"}} {
		update(t, d, func(tx db.Tx) error { return tx.Widen("note", add) })
	}
	for name, want := range map[string]string{"note": "B,a,a b,é", "other": ""} {
		if got, err := d.Columns(t.Context(), name); strings.Join(got, ",") != want || err != nil {
			t.Errorf("the columns of %s are %q, %v", name, got, err)
		}
	}
}

func testUpdate(t *testing.T, d db.DB) {
	t.Run("what fails has no effect", func(t *testing.T) {
		stop := errors.New("stop")
		err := d.Update(t.Context(), func(tx db.Tx) error {
			was, err := tx.Counter("note")
			if err != nil {
				return err
			}
			if err := tx.Put("note", []db.Move{{Row: db.Row{Seq: 1, ID: "a", Data: []byte(`{"id":"a"}`)}}}); err != nil {
				return err
			}
			if err := tx.Advance("note", was, db.Counter{Seq: 1, At: 5, Boot: "b", Live: 1}); err != nil {
				return err
			}
			if rows, err := tx.Rows("note", []string{"a"}); err != nil || len(rows) != 1 {
				t.Errorf("the transaction does not see its own row: %v, %v", rows, err)
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		if _, ok, err := d.Get(t.Context(), "note", "a"); ok || err != nil {
			t.Errorf("Get = %v, %v", ok, err)
		}
		if heads, err := d.Heads(t.Context()); err != nil || heads["note"] != (db.Counter{}) {
			t.Errorf("heads %v, %v", heads, err)
		}
	})

	t.Run("an ended context writes nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Update(ctx, func(db.Tx) error { t.Error("called"); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})

	t.Run("a panic leaves the database usable", func(t *testing.T) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("swallowed")
				}
			}()
			_ = d.Update(t.Context(), func(tx db.Tx) error {
				if _, err := tx.Counter("note"); err != nil {
					return err
				}
				panic("in the middle")
			})
		}()
		(&writer{t: t, d: d, boot: "b"}).put(db.Row{ID: "b"})
	})

	t.Run("a table is made once", func(t *testing.T) {
		update(t, d, func(tx db.Tx) error {
			created, err := tx.Create("note")
			if created {
				t.Error("made again")
			}
			return err
		})
	})
}

func testRows(t *testing.T, d db.DB) {
	w := &writer{t: t, d: d, boot: "b"}
	w.put(db.Row{ID: "a"}, db.Row{ID: "ä'\"", Owner: "me"}, db.Row{ID: "c"})
	w.put(db.Row{ID: "c", Deleted: true}, db.Row{ID: "a", Owner: "you"})
	update(t, d, func(tx db.Tx) error {
		rows, err := tx.Rows("note", []string{"a", "ä'\"", "c", "nobody"})
		if err != nil {
			return err
		}
		if len(rows) != 3 {
			t.Errorf("%d rows", len(rows))
		}
		for _, r := range rows {
			if want := w.rows[r.ID]; fmt.Sprint(r) != fmt.Sprint(want) {
				t.Errorf("row %v, want %v", r, want)
			}
			if got, ok, err := d.Get(t.Context(), "note", r.ID); !ok || err != nil || fmt.Sprint(got) != fmt.Sprint(r) {
				t.Errorf("Get = %v, %v, %v", got, ok, err)
			}
		}
		first, ok, err := tx.First("note", 3)
		if err != nil || !ok || first.Seq != 4 || first.ID != "c" {
			t.Errorf("first from 3: %v, %v, %v", first, ok, err)
		}
		_, ok, err = tx.First("note", 6)
		if ok {
			t.Error("there is a row beyond the last")
		}
		return err
	})
	if live, err := d.Live(t.Context(), "note"); err != nil || live != 2 {
		t.Errorf("%d live, %v", live, err)
	}
}

// testCounters has many writers count up: none may take a number that another one takes.
func testCounters(t *testing.T, d db.DB) {
	update(t, d, func(tx db.Tx) error { _, err := tx.Create("other"); return err })
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for k := range each {
				err := d.Update(context.Background(), func(tx db.Tx) error {
					for _, name := range [...]string{"note", "other"} {
						was, err := tx.Counter(name)
						if err != nil {
							return err
						}
						now := was
						now.Seq, now.Boot = was.Seq+1, fmt.Sprint("boot", i)
						if err := tx.Advance(name, was, now); err != nil {
							return err
						}
						id := fmt.Sprintf("%d-%d", i, k)
						if err := tx.Put(name, []db.Move{{Row: db.Row{Seq: now.Seq, ID: id, Data: []byte(`{}`)}}}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	heads, err := d.Heads(t.Context())
	if err != nil || heads["note"].Seq != writers*each || heads["other"].Seq != writers*each {
		t.Errorf("heads %v, %v", heads, err)
	}
}

func testVerdicts(t *testing.T, d db.DB) {
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	var all []db.Verdict
	for i := range 4 {
		for _, client := range []string{"c", "d"} {
			all = append(all, db.Verdict{Repeat: db.Repeat{Client: client, Seq: int64(i + 1)}, Request: "op" + client,
				At: day.AddDate(0, 0, i), Status: 200 + i, Body: []byte(`{"ä":1}`)})
		}
	}
	update(t, d, func(tx db.Tx) error { return tx.Settle(all) })
	update(t, d, func(tx db.Tx) error {
		found, err := tx.Verdicts([]db.Repeat{{Client: "d", Seq: 3}, {Client: "nobody", Seq: 3}})
		if err != nil || len(found) != 1 || found[0].Request != "opd" || found[0].Status != 202 || string(found[0].Body) != `{"ä":1}` ||
			!found[0].At.Equal(day.AddDate(0, 0, 2)) {
			t.Errorf("found %v, %v", found, err)
		}
		return err
	})
	for _, want := range []bool{true, false} { // 2 clients × 2 days are old
		update(t, d, func(tx db.Tx) error {
			more, err := tx.Expire(day.AddDate(0, 0, 2), 3)
			if more != want {
				t.Errorf("more to forget: %v", more)
			}
			return err
		})
	}
	update(t, d, func(tx db.Tx) error {
		found, err := tx.Verdicts([]db.Repeat{{Client: "c", Seq: 2}, {Client: "c", Seq: 3}})
		if err != nil || len(found) != 1 || found[0].Seq != 3 {
			t.Errorf("kept: %v, %v", found, err)
		}
		clients, err := tx.Clients([]string{"c", "d", "nobody"})
		if want := (db.Client{High: 4, Expired: 2}); len(clients) != 2 || clients["c"] != want || clients["d"] != want {
			t.Errorf("clients %v", clients)
		}
		return err
	})
}

func testTail(t *testing.T, d db.DB) {
	w := &writer{t: t, d: d, boot: "b"}
	w.put(db.Row{ID: "a", Owner: "me"}, db.Row{ID: "b"}, db.Row{ID: "c"})
	w.put(db.Row{ID: "a", Owner: "you"}, db.Row{ID: "c", Deleted: true})
	list, err := d.Tail(t.Context(), "note", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for _, e := range list {
		got += fmt.Sprintf("%d%s/%s/%v/%v ", e.Seq, e.ID, e.Owner, e.Deleted, e.Left)
	}
	if want := "2b//false/false 4a/me/false/true 4a/you/false/false 5c//true/false "; got != want {
		t.Errorf("tail %s\nwant %s", got, want)
	}
	list, err = d.Tail(t.Context(), "note", 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if whole := db.Whole(list, 2); len(whole) != 1 || whole[0].Seq != 2 {
		t.Errorf("what is whole of %v: %v", list, whole)
	}
}
