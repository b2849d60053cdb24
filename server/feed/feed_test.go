package feed_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
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

// follower is a client that pulls.
type follower struct {
	cursor db.Cursor
	begun  bool
	rows   map[string]string // id to version
	seen   int               // changes
}

func (f *follower) pull(ctx context.Context, d db.DB, table string, limit int) (more bool, err error) {
	page, err := d.Changes(ctx, table, db.Since{Cursor: f.cursor, First: !f.begun, Limit: limit})
	if err != nil {
		return false, err
	}
	changes, err := parseChanges(page.JSON)
	if err != nil {
		return false, err
	}
	if len(changes) != page.Count {
		return false, fmt.Errorf("a page of %d says it has %d", len(changes), page.Count)
	}
	if f.rows == nil {
		f.rows = map[string]string{}
	}
	for _, r := range changes {
		f.seen++
		if r["@removed"] != nil {
			delete(f.rows, r.ID())
		} else {
			f.rows[r.ID()] = r.Version()
		}
	}
	// The cursor goes the way of a client's: as text.
	f.begun = true
	f.cursor, err = db.ParseCursor(page.Next.String())
	return page.More, err
}

func parseChanges(list []byte) ([]table.Record, error) {
	v, err := table.ParseJSON([]byte("[" + string(list) + "]"))
	if err != nil {
		return nil, err
	}
	var out []table.Record
	for _, item := range v.([]any) {
		out = append(out, item.(map[string]any))
	}
	return out, nil
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

func TestFollowerMissesNothing(t *testing.T) {
	d := mustOpenDB(t, filepath.Join(t.TempDir(), "larder.db"))
	n := note(t)
	f := mustOpenFeed(t, d, feed.Options{}, n)
	const writers, pushes, perPush = 8, 25, 4

	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range pushes {
				var ops []feed.Op
				for k := range perPush {
					id := fmt.Sprintf("%d-%d-%d", w, i, k)
					ops = append(ops, feed.Op{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id}})
				}
				if answers, err := f.Push(context.Background(), ops); err != nil || !answers[0].OK() {
					t.Errorf("push: %v, %v", answers, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()

	// Each row is written once, so a follower that is told of each change once sees as many changes as rows.
	var reader follower
	for finished := false; ; {
		more, err := reader.pull(t.Context(), d, "note", 7)
		if err != nil {
			t.Fatal(err)
		}
		if finished && !more {
			break
		}
		select {
		case <-done:
			finished = true
		default:
		}
	}
	if want := writers * pushes * perPush; len(reader.rows) != want || reader.seen != want {
		t.Errorf("the follower has %d rows of %d after %d changes", len(reader.rows), want, reader.seen)
	}
}

// Followers that pull in pages of any size, while rows come, change, go and come back, end with the rows that are there.
func TestFollowersConverge(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			// What a power cut leaves is not asked here, so the disk need not be waited for.
			d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "larder.db"), sqlite.Options{Relaxed: true})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			n := note(t)
			f := mustOpenFeed(t, d, feed.Options{Inline: true}, n)
			model := map[string]string{}
			followers := make([]follower, 4)
			actions := []feed.Action{feed.Insert, feed.Insert, feed.Update, feed.Put, feed.Delete, feed.Undelete}
			for step := range 100 {
				var ops []feed.Op
				for range 1 + random.IntN(4) {
					id := fmt.Sprint(random.IntN(30))
					ops = append(ops, feed.Op{Table: n, Action: actions[random.IntN(len(actions))], ID: id,
						Record: table.Record{"id": id, "step": float64(step)}})
				}
				for i, a := range mustPush(t, f, ops...) {
					switch {
					case a.Version == "" || a.Status == http.StatusConflict:
					case ops[i].Action == feed.Delete:
						delete(model, ops[i].ID)
					default:
						model[ops[i].ID] = a.Version
					}
				}
				if who := random.IntN(2 * len(followers)); who < len(followers) {
					if _, err := followers[who].pull(t.Context(), d, "note", 1+random.IntN(9)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i := range followers {
				for more := true; more; {
					var err error
					if more, err = followers[i].pull(t.Context(), d, "note", 5); err != nil {
						t.Fatal(err)
					}
				}
				if got, want := fmt.Sprint(followers[i].rows), fmt.Sprint(model); got != want {
					t.Errorf("follower %d has %s, the table %s", i, got, want)
				}
			}
			if live, err := d.Live(t.Context(), "note"); err != nil || live != int64(len(model)) {
				t.Errorf("the table counts %d live rows, %v; there are %d", live, err, len(model))
			}
		})
	}
}

func TestRepeat(t *testing.T) {
	insert := func(n *db.Table, seq int64, request, id string) feed.Op {
		return feed.Op{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id},
			Client: "c", Seq: seq, Request: request}
	}
	setup := func(t *testing.T) (*sqlite.DB, *feed.Feed, *db.Table) {
		d, n := mustOpenDB(t, filepath.Join(t.TempDir(), "larder.db")), note(t)
		return d, mustOpenFeed(t, d, feed.Options{}, n), n
	}

	t.Run("an operation sent again has its first answer and no effect", func(t *testing.T) {
		_, f, n := setup(t)
		first := mustPush(t, f, insert(n, 1, "op1", "a"), insert(n, 2, "op2", "a"))
		mustPush(t, f, feed.Op{Table: n, Action: feed.Update, ID: "a", Record: table.Record{"id": "a", "text": "later"}})
		again := mustPush(t, f, insert(n, 1, "op1", "a"), insert(n, 2, "op2", "a"))
		if fmt.Sprintf("%+v", first) != fmt.Sprintf("%+v", again) || statuses(first) != "201 409" {
			t.Errorf("first %+v\nagain %+v", first, again)
		}
	})

	t.Run("another operation under a used number is a fork, and so is what follows it", func(t *testing.T) {
		d, f, n := setup(t)
		mustPush(t, f, insert(n, 1, "op1", "a"))
		copied := mustPush(t, f, insert(n, 1, "other", "b"), insert(n, 2, "other2", "c"))
		if statuses(copied) != "409 409" || !strings.Contains(string(copied[1].Body), `"code":"fork"`) {
			t.Errorf("%s %s", statuses(copied), copied[1].Body)
		}
		if _, ok, err := d.Get(t.Context(), "note", "c"); ok || err != nil {
			t.Error("the copy's later operation took effect", err)
		}
		if a := mustPush(t, f, insert(n, 2, "op2", "d")); statuses(a) != "201" {
			t.Errorf("the first client's next operation: %s %s", statuses(a), a[0].Body)
		}
	})

	t.Run("an operation that is in one push twice takes effect once", func(t *testing.T) {
		_, f, n := setup(t)
		a := mustPush(t, f, insert(n, 1, "op1", "a"), insert(n, 1, "op1", "a"), insert(n, 1, "other", "b"))
		if statuses(a) != "201 201 409" || a[0].Version != a[1].Version {
			t.Errorf("%+v", a)
		}
	})

	t.Run("an operation that was held back is still new", func(t *testing.T) {
		_, f, n := setup(t)
		mustPush(t, f, insert(n, 5, "op5", "a"))
		if a := mustPush(t, f, insert(n, 3, "op3", "b")); statuses(a) != "201" {
			t.Errorf("%s %s", statuses(a), a[0].Body)
		}
	})

	t.Run("an operation whose verdict was forgotten is not done twice", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "larder.db")
		d, n := mustOpenDB(t, path), note(t)
		clock := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
		f := mustOpenFeed(t, d, feed.Options{Now: func() time.Time { return clock }}, n)
		mustPush(t, f, insert(n, 1, "op1", "a"))
		mustPush(t, f, feed.Op{Table: n, Action: feed.Delete, ID: "a"})
		clock = clock.Add(feed.DefaultKeep + time.Hour)
		mustPush(t, f, insert(n, 2, "op2", "b")) // the day's first push forgets
		if a := mustPush(t, f, insert(n, 1, "op1", "a")); statuses(a) != "409" || !strings.Contains(string(a[0].Body), "forgotten") {
			t.Errorf("%s %s", statuses(a), a[0].Body)
		}
	})

	t.Run("one operation delivered by many connections at once takes effect once", func(t *testing.T) {
		d, f, n := setup(t)
		var wg sync.WaitGroup
		versions := make([]string, 8)
		for i := range versions {
			wg.Go(func() {
				answers, err := f.Push(context.Background(), []feed.Op{insert(n, 1, "op1", "a")})
				if err != nil {
					t.Error(err)
					return
				}
				versions[i] = fmt.Sprint(answers[0].Status, answers[0].Version)
			})
		}
		wg.Wait()
		for _, v := range versions {
			if v != versions[0] || !strings.HasPrefix(v, "201") {
				t.Errorf("answers %q", versions)
				break
			}
		}
		if page, err := d.Changes(t.Context(), "note", db.Since{Limit: 10}); err != nil || page.Count != 1 || page.Next.After != 1 {
			t.Errorf("changes: %+v, %v", page, err)
		}
	})
}

func TestGroup(t *testing.T) {
	d, n := mustOpenDB(t, filepath.Join(t.TempDir(), "larder.db")), note(t)
	f := mustOpenFeed(t, d, feed.Options{Boot: "b"}, n)
	op := func(seq int64, action feed.Action, id, group, match string) feed.Op {
		return feed.Op{Table: n, Action: action, ID: id, Record: table.Record{"id": id, "seq": float64(seq)}, Match: match,
			Client: "c", Seq: seq, Request: fmt.Sprint("op", seq), Group: group}
	}
	mustPush(t, f, op(1, feed.Insert, "a", "", ""))

	ops := []feed.Op{
		op(2, feed.Insert, "alone", "", ""),
		op(3, feed.Update, "a", "g", "b-1"),
		op(4, feed.Insert, "x", "g", ""),
		op(5, feed.Delete, "nobody", "g", ""),
		op(6, feed.Insert, "y", "g", ""),
		op(7, feed.Insert, "also alone", "", ""),
	}
	first := mustPush(t, f, ops...)
	if got := statuses(first); got != "201 424 424 404 424 201" {
		t.Fatalf("statuses %s", got)
	}
	for id, want := range map[string]bool{"alone": true, "also alone": true, "x": false, "y": false} {
		if _, ok, err := d.Get(t.Context(), "note", id); ok != want || err != nil {
			t.Errorf("%s is there: %v, %v", id, ok, err)
		}
	}
	if r, _, err := d.Get(t.Context(), "note", "a"); err != nil || r.Seq != 1 {
		t.Errorf("a was moved to %d, %v", r.Seq, err)
	}
	if got := statuses(mustPush(t, f, ops...)); got != statuses(first) {
		t.Errorf("sent again: %s", got)
	}

	// Without the member that was refused, the others may go, under the numbers they had.
	if got := statuses(mustPush(t, f, ops[1], ops[2], ops[4])); got != "200 201 201" {
		t.Errorf("the rest of the group: %s", got)
	}
	if r, _, err := d.Get(t.Context(), "note", "a"); err != nil || r.Seq != 4 {
		t.Errorf("a has number %d, %v; numbers have no holes, so 4 is next", r.Seq, err)
	}
	if got := statuses(mustPush(t, f, op(9, feed.Insert, "z", "h", ""), op(9, feed.Insert, "zz", "h", ""))); got != "424 409" {
		t.Errorf("one number twice in a group: %s", got)
	}
}

func TestRestoredDatabase(t *testing.T) {
	dir := t.TempDir()
	n := note(t)
	push := func(d db.DB, boot string, ids ...string) {
		f := mustOpenFeed(t, d, feed.Options{Boot: boot}, n)
		for _, id := range ids {
			mustPush(t, f, feed.Op{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id}})
		}
	}
	pull := func(d db.DB, f follower) error {
		_, err := f.pull(t.Context(), d, "note", 100)
		return err
	}

	// The backup is what a second database holds that was written by the same starts of the server, up to a point.
	original, backup := mustOpenDB(t, filepath.Join(dir, "original.db")), mustOpenDB(t, filepath.Join(dir, "backup.db"))
	push(backup, "b1", "a", "b")
	push(original, "b1", "a", "b")
	var early follower
	if err := pull(original, early); err != nil {
		t.Fatal(err)
	}
	if _, err := early.pull(t.Context(), original, "note", 100); err != nil {
		t.Fatal(err)
	}
	push(original, "b1", "c", "d")
	var late, between follower
	if _, err := late.pull(t.Context(), original, "note", 100); err != nil {
		t.Fatal(err)
	}
	if _, err := between.pull(t.Context(), original, "note", 1); err != nil { // began when all four were there
		t.Fatal(err)
	}

	for _, step := range []string{"right after the restore", "after as many new writes"} {
		if err := pull(backup, early); err != nil {
			t.Errorf("%s, a client that saw no more than the backup: %v", step, err)
		}
		for name, f := range map[string]follower{"a client that saw more": late, "a first pull that began later": between} {
			if err := pull(backup, f); table.CodeOf(err) != table.CodeEpoch {
				t.Errorf("%s, %s: %v", step, name, err)
			}
		}
		push(backup, "b2", step+"1", step+"2", step+"3")
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

func (b badTx) Put(name string, old int64, r db.Row) error {
	switch r.ID {
	case "panic":
		panic("as asked")
	case "error":
		return errors.New("as asked")
	}
	return b.Tx.Put(name, old, r)
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
	damage(`{"id":"a",`)
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
