package feed_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/postgres"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
	pgtest "github.com/larder-sync/larder/test/postgres"
)

// onEach runs a test on each kind of database.
func onEach(t *testing.T, test func(t *testing.T, d db.DB)) {
	t.Run("SQLite", func(t *testing.T) {
		// What a power cut leaves is not asked here, so the disk need not be waited for.
		d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "larder.db"), sqlite.Options{Relaxed: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		test(t, d)
	})
	t.Run("PostgreSQL", func(t *testing.T) { test(t, mustOpenPostgres(t, pgtest.New(t))) })
}

func mustOpenPostgres(t *testing.T, address string) db.DB {
	t.Helper()
	d, err := postgres.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func insert(n *db.Table, id string) feed.Op {
	return feed.Op{Table: n, Action: feed.Insert, ID: id, Record: table.Record{"id": id}}
}

func TestForget(t *testing.T) {
	onEach(t, func(t *testing.T, d db.DB) {
		clock := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
		n := note(t)
		f := mustOpenFeed(t, d, feed.Options{Now: func() time.Time { return clock }, Keep: 10 * 24 * time.Hour, Inline: true}, n)
		var early, late follower
		pull := func(f *follower) error { _, err := f.pull(t.Context(), d, "note", 5000); return err }
		var rows, deleted []feed.Op
		for i := range 1200 { // more than is forgotten at once
			rows = append(rows, insert(n, fmt.Sprint(i)))
			deleted = append(deleted, feed.Op{Table: n, Action: feed.Delete, ID: fmt.Sprint(i)})
		}
		mustPush(t, f, rows...)
		if err := pull(&early); err != nil {
			t.Fatal(err)
		}
		mustPush(t, f, deleted[:1100]...)
		if err := pull(&late); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(5 * 24 * time.Hour)
		mustPush(t, f, deleted[1150]) // younger than the others

		clock = clock.Add(5*24*time.Hour + time.Minute)
		for i := range 3 {
			mustPush(t, f, insert(n, fmt.Sprint("new", i))) // each push forgets a part
		}
		heads, err := d.Heads(t.Context())
		if err != nil || heads["note"].Horizon != 2300 || heads["note"].Live != 102 {
			t.Errorf("the feed stands at %+v, %v", heads["note"], err)
		}
		if err := pull(&late); err != nil || len(late.rows) != 102 {
			t.Errorf("who was away for less has %d rows, %v", len(late.rows), err)
		}
		if err := pull(&early); table.CodeOf(err) != table.CodeExpired {
			t.Errorf("who was away for longer: %v", err)
		}
		if rows, err := d.Tail(t.Context(), "note", 0, 5000); err != nil || len(rows) != 103 {
			t.Errorf("%d rows are stored, %v", len(rows), err)
		}
	})
}

func TestClockSetBack(t *testing.T) {
	onEach(t, func(t *testing.T, d db.DB) {
		clock := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
		n := note(t)
		f := mustOpenFeed(t, d, feed.Options{Now: func() time.Time { return clock }, Inline: true}, n)
		var reader follower
		last, cursor := "", int64(0)
		for i, step := range []time.Duration{0, -time.Hour, time.Second, -365 * 24 * time.Hour, time.Minute, 366 * 24 * time.Hour} {
			clock = clock.Add(step)
			for k := range 40 {
				id := fmt.Sprintf("%d-%d", i, k)
				r, err := table.ParseRecord(mustPush(t, f, insert(n, id))[0].Body)
				if err != nil {
					t.Fatal(err)
				}
				if at := r["updatedAt"].(string); at < last {
					t.Fatalf("updatedAt falls from %s to %s", last, at)
				} else {
					last = at
				}
			}
			if _, err := reader.pull(t.Context(), d, "note", 1000); err != nil || len(reader.rows) != 40*(i+1) ||
				reader.cursor.After <= cursor {
				t.Errorf("after step %d the follower has %d rows at %s, %v", i, len(reader.rows), reader.cursor, err)
			}
			cursor = reader.cursor.After
		}
		if !strings.HasPrefix(last, "2026-11-22") {
			t.Errorf("after the clock went on, updatedAt is %s", last)
		}
	})
}

// Several servers on one database: each follower sees each change once, and the lineage does not grow with the turns.
func TestSharedDatabase(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) { testShared(t, pgtest.New(t)) })
	t.Run("one where transactions are serializable, and collide", func(t *testing.T) {
		serial := strings.NewReplacer("READ COMMITTED", "SERIALIZABLE", "repeatable read", "serializable")
		var count atomic.Int64
		testShared(t, pgtest.Through(t, pgtest.New(t), func(text string) (instead, code string) {
			if count.Add(1)%29 == 0 {
				return text, "40001"
			}
			return serial.Replace(text), ""
		}))
	})
}

func testShared(t *testing.T, address string) {
	n := note(t)
	const servers, writers, pushes = 3, 4, 25
	var dbs []db.DB
	var wg sync.WaitGroup
	for s := range servers {
		d := mustOpenPostgres(t, address)
		dbs = append(dbs, d)
		f := mustOpenFeed(t, d, feed.Options{Boot: fmt.Sprint("server", s)}, n)
		for w := range writers {
			wg.Go(func() {
				for i := range pushes {
					a, err := f.Push(context.Background(), []feed.Op{insert(n, fmt.Sprintf("%d-%d-%d", s, w, i))})
					if err != nil || !a[0].OK() {
						t.Errorf("push: %v, %v", a, err)
					}
				}
			})
		}
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	reader := follower{begun: true} // from the beginning
	reader.follow(t, done, func() db.DB { return dbs[reader.seen%servers] })
	if want := servers * writers * pushes; len(reader.rows) != want || reader.seen != want {
		t.Errorf("the follower has %d rows of %d after %d changes", len(reader.rows), want, reader.seen)
	}
	for _, d := range dbs {
		if page, err := d.Changes(t.Context(), "note", db.Since{Cursor: reader.cursor, Limit: 1}); err != nil || page.Count != 0 {
			t.Errorf("a server has %d more, %v", page.Count, err)
		}
	}
}

// A database that is restored, or a standby that takes over and has not heard all, while the server goes on.
func TestRestoredUnderneath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "larder.db")
	d, n := mustOpenDB(t, path), note(t)
	f := mustOpenFeed(t, d, feed.Options{Boot: "b"}, n)
	mustPush(t, f, insert(n, "a"), insert(n, "b"), insert(n, "c"))
	var ahead, behind follower
	if _, err := behind.pull(t.Context(), d, "note", 10); err != nil {
		t.Fatal(err)
	}
	mustPush(t, f, insert(n, "d"))
	if _, err := ahead.pull(t.Context(), d, "note", 10); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, text := range []string{`DELETE FROM t_note WHERE seq > 3`, `UPDATE feed SET seq = 3, live = 3`} {
		if _, err := raw.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	a := mustPush(t, f, insert(n, "e"))
	if a[0].Version == "b-4" {
		t.Error("a version was given twice")
	}
	if _, err := ahead.pull(t.Context(), d, "note", 10); table.CodeOf(err) != table.CodeEpoch {
		t.Errorf("who has seen what is gone: %v", err)
	}
	if _, err := behind.pull(t.Context(), d, "note", 10); err != nil || len(behind.rows) != 4 {
		t.Errorf("who has not: %v, %v", behind.rows, err)
	}
}

// lost is a database whose commits, from some time on, fail after they have happened.
type lost struct {
	db.DB
	broken *atomic.Bool
}

func (l lost) Update(ctx context.Context, fn func(db.Tx) error) error {
	if err := l.DB.Update(ctx, fn); err != nil || !l.broken.Load() {
		return err
	}
	return table.Errorf(table.CodeStorage, "the connection was lost")
}

func TestLostAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, d db.DB) {
		n := note(t)
		whole := mustOpenFeed(t, d, feed.Options{Boot: "whole"}, n)
		op := insert(n, "a")
		op.Client, op.Seq, op.Request = "c", 1, "op1"
		failing := lost{d, &atomic.Bool{}}
		broken := mustOpenFeed(t, failing, feed.Options{Boot: "broken"}, n)
		failing.broken.Store(true)
		if _, err := broken.Push(t.Context(), []feed.Op{op, insert(n, "b")}); table.CodeOf(err) != table.CodeStorage {
			t.Errorf("push: %v", err)
		}
		if a := mustPush(t, whole, op); statuses(a) != "201" || !strings.HasPrefix(a[0].Version, "broken-") {
			t.Errorf("sent again: %+v", a)
		}
		if live, err := d.Live(t.Context(), "note"); err != nil || live != 2 {
			t.Errorf("%d rows, %v", live, err)
		}
	})
}

// What PostgreSQL cannot index is refused, and holds up nothing else.
func TestTooLarge(t *testing.T) {
	d := mustOpenPostgres(t, pgtest.New(t))
	n, err := db.ParseTable("note", []byte(`{"columns": {"text": "string"}, "indexes": ["text"]}`))
	if err != nil {
		t.Fatal(err)
	}
	f := mustOpenFeed(t, d, feed.Options{}, n)
	random, text := rand.New(rand.NewPCG(1, 1)), make([]byte, 20_000)
	for i := range text {
		text[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[random.IntN(62)]
	}
	large := insert(n, "large")
	large.Record["text"] = string(text)
	grouped, other := large, insert(n, "other")
	grouped.ID, grouped.Group, other.Group = "grouped", "g", "g"
	a := mustPush(t, f, insert(n, "before"), large, other, grouped, insert(n, "after"))
	if got := statuses(a); got != "201 422 422 422 201" || !strings.Contains(string(a[1].Body), `"code":"constraint"`) {
		t.Errorf("%s %s", got, a[1].Body)
	}
	if live, err := d.Live(t.Context(), "note"); err != nil || live != 2 {
		t.Errorf("%d rows, %v", live, err)
	}
}
