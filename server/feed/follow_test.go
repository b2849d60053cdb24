package feed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

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

// follow pulls the notes from whichever database it is to ask next, until the writers are done and it has all.
func (f *follower) follow(t *testing.T, done <-chan struct{}, next func() db.DB) {
	t.Helper()
	for finished := false; ; {
		more, err := f.pull(t.Context(), next(), "note", 7)
		if err != nil {
			t.Fatal(err)
		}
		if finished && !more {
			return
		}
		select {
		case <-done:
			finished = true
		default:
		}
	}
}

func parseChanges(list string) ([]table.Record, error) {
	v, err := table.ParseJSON([]byte("[" + list + "]"))
	if err != nil {
		return nil, err
	}
	var out []table.Record
	for _, item := range v.([]any) {
		out = append(out, item.(map[string]any))
	}
	return out, nil
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
	reader.follow(t, done, func() db.DB { return d })
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
