package feed_test

import (
	"context"
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
		for i := range again {
			if !again[i].Repeated || first[i].Repeated {
				t.Errorf("operation %d: repeated at first %v, again %v", i, first[i].Repeated, again[i].Repeated)
			}
			again[i].Repeated = false
		}
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
		f := mustOpenFeed(t, d, feed.Options{Now: func() time.Time { return clock }, Inline: true}, n)
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
