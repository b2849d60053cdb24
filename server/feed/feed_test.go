package feed_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// note is a table that takes any column.
func note(t testing.TB) *db.Table {
	t.Helper()
	n, err := db.ParseTable("note", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func mustOpenDB(t testing.TB, path string) *sqlite.DB {
	t.Helper()
	d, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func mustOpenFeed(t testing.TB, d db.DB, o feed.Options, tables ...*db.Table) *feed.Feed {
	t.Helper()
	f, err := feed.Open(t.Context(), d, tables, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func mustPush(t testing.TB, f *feed.Feed, ops ...feed.Op) []feed.Answer {
	t.Helper()
	answers, err := f.Push(t.Context(), ops)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func statuses(answers []feed.Answer) string {
	var list []string
	for _, a := range answers {
		list = append(list, fmt.Sprint(a.Status))
	}
	return strings.Join(list, " ")
}

func TestUpdatedAt(t *testing.T) {
	d := mustOpenDB(t, filepath.Join(t.TempDir(), "larder.db"))
	clock := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	n := note(t)
	f := mustOpenFeed(t, d, feed.Options{Now: func() time.Time { return clock }, Inline: true}, n)
	steps := []time.Duration{0, time.Second, -10 * 365 * 24 * time.Hour, 0, time.Millisecond, 11 * 365 * 24 * time.Hour}
	for i, step := range steps {
		clock = clock.Add(step)
		var ops []feed.Op
		for k := range 100 {
			id := fmt.Sprintf("%d-%d", i, k)
			ops = append(ops, feed.Op{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id}})
		}
		mustPush(t, f, ops...)
	}
	page, err := d.Changes(t.Context(), "note", db.Since{First: true, Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parseChanges(page.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 100*len(steps) {
		t.Fatalf("%d rows", len(rows))
	}
	last, ties, commit := "", 0, -1
	for i, r := range rows {
		at := r["updatedAt"].(string)
		if at < last {
			t.Fatalf("row %d: updatedAt falls from %s to %s", i, last, at)
		}
		if at == last {
			ties++
		} else {
			ties = 1
		}
		if ties > 32 {
			t.Fatalf("row %d: more than 32 rows have updatedAt %s", i, at)
		}
		if i/100 != commit && at == last {
			t.Fatalf("row %d: a new commit begins in the old one's millisecond", i)
		}
		last, commit = at, i/100
	}
	if want := clock.Format("2006-01-02T15:04"); !strings.HasPrefix(last, want) {
		t.Errorf("after the clock went on, updatedAt is %s, not of %s", last, want)
	}
}

func TestClose(t *testing.T) {
	d, n := mustOpenDB(t, filepath.Join(t.TempDir(), "larder.db")), note(t)
	f := mustOpenFeed(t, d, feed.Options{}, n)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			id := fmt.Sprint(i)
			_, err := f.Push(context.Background(), []feed.Op{{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id}}})
			_, there, getErr := d.Get(context.Background(), "note", id)
			if (err == nil) != there || getErr != nil || err != nil && table.CodeOf(err) != table.CodeClosed {
				t.Errorf("push %d: %v, but stored: %v %v", i, err, there, getErr)
			}
		})
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := f.Push(t.Context(), nil); table.CodeOf(err) != table.CodeClosed {
		t.Errorf("push after close: %v", err)
	}
}

// bad is a database on which a write of the record "panic" or "error" goes wrong.
type bad struct{ db.DB }

type badTx struct{ db.Tx }

func (b bad) Update(ctx context.Context, fn func(db.Tx) error) error {
	return b.DB.Update(ctx, func(tx db.Tx) error { return fn(badTx{tx}) })
}

func (b badTx) Put(name string, moves []db.Move) error {
	for _, m := range moves {
		switch m.ID {
		case "panic":
			panic("as asked")
		case "error":
			return errors.New("as asked")
		}
	}
	return b.Tx.Put(name, moves)
}

func TestBadNeighbour(t *testing.T) {
	d, n := mustOpenDB(t, filepath.Join(t.TempDir(), "larder.db")), note(t)
	f := mustOpenFeed(t, bad{d}, feed.Options{}, n)
	var wg sync.WaitGroup
	for _, id := range []string{"a", "panic", "b", "error", "c", "d", "e"} {
		wg.Go(func() {
			_, err := f.Push(context.Background(), []feed.Op{{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id}}})
			if wrong := len(id) > 1; (err != nil) != wrong {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	wg.Wait()
	if live, err := d.Live(t.Context(), "note"); err != nil || live != 5 {
		t.Errorf("%d rows, %v", live, err)
	}
}

// An id that was made for an insert is not looked for. Should it be taken after all, the database tells.
func TestNew(t *testing.T) {
	onEach(t, func(t *testing.T, d db.DB) {
		n := note(t)
		f := mustOpenFeed(t, d, feed.Options{}, n)
		mustPush(t, f, insert(n, "a"))
		made := func(id string) feed.Op { op := insert(n, id); op.New = true; return op }
		a := mustPush(t, f, made("b"), made("a"), made("c"))
		if got := statuses(a); got != "201 409 201" {
			t.Errorf("%s: %s", got, a[1].Body)
		}
		for _, id := range []string{"b", "c"} {
			if _, ok, err := d.Get(t.Context(), "note", id); !ok || err != nil {
				t.Errorf("%s is not there: %v", id, err)
			}
		}
	})
}

// Who is told what was written may take as long as it likes: those who pushed have their answers.
func TestWrote(t *testing.T) {
	d, n := mustOpenDB(t, filepath.Join(t.TempDir(), "larder.db")), note(t)
	answered, told := make(chan struct{}), make(chan []db.Piece, 1)
	f := mustOpenFeed(t, d, feed.Options{Wrote: func(wrote []db.Piece) {
		select {
		case <-answered:
			told <- wrote
		case <-t.Context().Done():
		}
	}}, n)
	mustPush(t, f, insert(n, "a"), insert(n, "b"))
	close(answered)
	if wrote := <-told; len(wrote) != 1 || wrote[0].Table != "note" || len(wrote[0].Entries) != 2 {
		t.Errorf("%+v", wrote)
	}
}

func TestDamagedRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "larder.db")
	d, n := mustOpenDB(t, path), note(t)
	f := mustOpenFeed(t, d, feed.Options{}, n)
	update := func(seq int64, id string) feed.Op {
		return feed.Op{Table: n, Action: feed.Update, ID: id, Record: table.Record{"id": id, "n": float64(seq)},
			Client: "c", Seq: seq, Request: fmt.Sprint(seq)}
	}
	for _, id := range []string{"a", "b"} {
		mustPush(t, f, feed.Op{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id}})
	}
	damage := func(data string) {
		t.Helper()
		raw, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := raw.Exec(`UPDATE t_note SET data = ? WHERE id = 'a'`, data); err != nil {
			t.Fatal(err)
		}
	}
	damage(`{"id":"a","n":9007199254740993}`) // JSON, but not a number that a record may hold
	if got := statuses(mustPush(t, f, update(1, "a"), update(2, "b"))); got != "500 200" {
		t.Errorf("statuses %s", got)
	}
	damage(`{"id":"a"}`)
	if got := statuses(mustPush(t, f, update(1, "a"))); got != "200" {
		t.Errorf("after the repair: %s", got)
	}
}

func TestSeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "larder.db")
	d := mustOpenDB(t, path)
	n, err := db.ParseTable("note", []byte(`{"seed":[{"text":"one"},{"id":"two","text":"two"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	f := mustOpenFeed(t, d, feed.Options{}, n)
	mustPush(t, f, feed.Op{Table: n, Action: feed.Delete, ID: "two"})
	mustOpenFeed(t, d, feed.Options{}, n)
	var reader follower
	if _, err := reader.pull(t.Context(), d, "note", 10); err != nil || len(reader.rows) != 1 {
		t.Errorf("rows after a second start: %v, %v", reader.rows, err)
	}
}
