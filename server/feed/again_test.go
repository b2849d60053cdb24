package feed_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
	pgtest "github.com/larder-sync/larder/test/postgres"
)

// collider makes one statement fail as if it had collided with another transaction: the last of so many.
type collider struct{ statements atomic.Int64 }

func (c *collider) judge(text string) (instead, code string) {
	if c.statements.Add(-1) == 0 {
		return text, "40001"
	}
	return text, ""
}

// each calls fn again and again, and makes its first statement collide, then its second, until it has no more.
func (c *collider) each(t *testing.T, fn func(n int)) int {
	t.Helper()
	for n := 1; ; n++ {
		c.statements.Store(int64(n))
		fn(n)
		if c.statements.Swap(0) > 0 || t.Failed() {
			return n - 1
		}
	}
}

// Distributed databases may end any statement, and any commit, with the wish that the transaction be run again.
func TestRunAgain(t *testing.T) {
	var c collider
	d, n := mustOpenPostgres(t, pgtest.Through(t, pgtest.New(t), c.judge)), note(t)
	f := mustOpenFeed(t, d, feed.Options{Inline: true}, n)
	mustPush(t, f, insert(n, "same"), insert(n, "gone"))

	var pushed [][]feed.Op
	var answered [][]feed.Answer
	collided := c.each(t, func(i int) {
		ops := []feed.Op{
			insert(n, fmt.Sprint("new", i)),
			{Table: n, Action: feed.Update, ID: "same", Record: table.Record{"id": "same", "text": fmt.Sprint(i)}},
			{Table: n, Action: feed.Delete, ID: "gone"},
			{Table: n, Action: feed.Undelete, ID: "gone"},
		}
		for k := range ops {
			ops[k].Client, ops[k].Seq, ops[k].Request = "c", int64(4*i+k), fmt.Sprint("op", i, "-", k)
		}
		a := mustPush(t, f, ops...)
		if got := statuses(a); got != "201 200 200 201" {
			t.Fatalf("when statement %d collides: %s", i, got)
		}
		pushed, answered = append(pushed, slices.Clone(ops)), append(answered, a)
	})
	if collided < 8 { // begin, counter, rows, clients, advance, put, settle, commit
		t.Errorf("only %d statements collided", collided)
	}
	for i, ops := range pushed {
		for k, a := range mustPush(t, f, ops...) {
			if !a.Repeated || a.Version != answered[i][k].Version {
				t.Errorf("push %d, operation %d sent again: %+v, was %+v", i+1, k+1, a, answered[i][k])
			}
		}
	}

	want := len(pushed) + 2
	reads := map[string]func() (int, error){
		"pull": func() (int, error) {
			var reader follower
			for {
				if more, err := reader.pull(t.Context(), d, "note", 5); err != nil || !more {
					return len(reader.rows), err
				}
			}
		},
		"tail": func() (int, error) {
			list, err := d.Tail(t.Context(), "note", 0, 1000)
			return len(list), err
		},
		"heads": func() (int, error) {
			heads, err := d.Heads(t.Context())
			return int(heads["note"].Live), err
		},
		"live": func() (int, error) {
			live, err := d.Live(t.Context(), "note")
			return int(live), err
		},
		"query": func() (int, error) {
			found, err := d.Find(t.Context(), db.Find{Table: "note", Schema: n.Schema, Query: table.NewQuery()})
			return len(found.Records), err
		},
		"count": func() (int, error) {
			q := table.NewQuery()
			q.Count, q.Take = true, 1
			found, err := d.Find(t.Context(), db.Find{Table: "note", Schema: n.Schema, Query: q})
			return int(found.Count), err
		},
		"get": func() (int, error) {
			_, ok, err := d.Get(t.Context(), "note", "same")
			if !ok {
				return 0, err
			}
			return want, err
		},
	}
	for name, read := range reads {
		collided := c.each(t, func(i int) {
			if got, err := read(); err != nil || got != want {
				t.Errorf("%s, when statement %d collides: %d of %d, %v", name, i, got, want, err)
			}
		})
		if collided == 0 {
			t.Errorf("%s: nothing collided", name)
		}
	}
}
