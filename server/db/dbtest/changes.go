package dbtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// pull reads one page: the entries' ids, "-id" for what was deleted, "~id" for what left; ">" when there are more.
func pull(t *testing.T, d db.DB, since db.Since) (string, db.Cursor) {
	t.Helper()
	page, err := d.Changes(t.Context(), "note", since)
	if err != nil {
		t.Fatal(err)
	}
	v, err := table.ParseJSON([]byte("[" + page.JSON + "]"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, item := range v.([]any) {
		r := table.Record(item.(map[string]any))
		sign := ""
		if removed, ok := r["@removed"].(map[string]any); ok {
			sign = map[any]string{"deleted": "-", "changed": "~"}[removed["reason"]]
		}
		ids = append(ids, sign+r.ID())
	}
	if len(ids) != page.Count {
		t.Errorf("a page of %d says it has %d", len(ids), page.Count)
	}
	if page.More {
		ids = append(ids, ">")
	}
	next, err := db.ParseCursor(page.Next.String()) // the cursor goes the way of a client's: as text
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(ids, " "), next
}

func testChanges(t *testing.T, d db.DB) {
	w := &writer{t: t, d: d, boot: "b"}
	w.put(db.Row{ID: "a"}, db.Row{ID: "b"}, db.Row{ID: "c"}, db.Row{ID: "d"})
	w.put(db.Row{ID: "b", Deleted: true})
	first, cursor := pull(t, d, db.Since{First: true, Limit: 2})
	if first != "a c >" {
		t.Errorf("first page: %s", first)
	}
	w.put(db.Row{ID: "a", Deleted: true}, db.Row{ID: "e"}, db.Row{ID: "d"})
	for _, want := range []string{"-a e >", "d"} {
		var got string
		if got, cursor = pull(t, d, db.Since{Cursor: cursor, Limit: 2}); got != want {
			t.Errorf("next page: %s, want %s", got, want)
		}
	}
	if got, next := pull(t, d, db.Since{Cursor: cursor, Limit: 2}); got != "" || next != cursor {
		t.Errorf("nothing more: %s, %v after %v", got, next, cursor)
	}
	if got, _ := pull(t, d, db.Since{Limit: 10}); got != "c -b -a e d" {
		t.Errorf("from the beginning: %s", got)
	}
	if _, err := d.Changes(t.Context(), "nothing", db.Since{Limit: 1}); table.CodeOf(err) != table.CodeNotFound {
		t.Errorf("a table that is not there: %v", err)
	}
	_, err := d.Changes(t.Context(), "note", db.Since{Cursor: cursor, Scope: "other", Limit: 1})
	if table.CodeOf(err) != table.CodeExpired {
		t.Errorf("a cursor of another scope: %v", err)
	}
	_, scoped := pull(t, d, db.Since{First: true, Scope: "s1", Limit: 100})
	if got, _ := pull(t, d, db.Since{Cursor: scoped, Scope: "s1", Limit: 100}); got != "" {
		t.Errorf("a cursor of the same scope brings %s", got)
	}
}

func testOwned(t *testing.T, d db.DB) {
	w := &writer{t: t, d: d, boot: "b"}
	w.put(db.Row{ID: "a", Owner: "ann"}, db.Row{ID: "b", Owner: "bob"}, db.Row{ID: "x"}, db.Row{ID: "c", Owner: "ann"})
	ann := func(c db.Cursor, first bool) db.Since {
		return db.Since{Cursor: c, First: first, PerUser: true, User: "ann", Limit: 2}
	}
	got, cursor := pull(t, d, ann(db.Cursor{}, true))
	if got != "a c" {
		t.Errorf("ann's first page: %s", got)
	}
	w.put(db.Row{ID: "a", Owner: "bob"}, db.Row{ID: "b", Owner: "ann"}, db.Row{ID: "x", Owner: "bob"},
		db.Row{ID: "c", Owner: "ann", Deleted: true})
	for _, want := range []string{"~a b >", "-c"} {
		if got, cursor = pull(t, d, ann(cursor, false)); got != want {
			t.Errorf("ann's changes: %s, want %s", got, want)
		}
	}
	w.put(db.Row{ID: "a", Owner: "ann"})
	if got, _ = pull(t, d, ann(cursor, false)); got != "a" {
		t.Errorf("after it came back: %s", got)
	}
	if got, _ = pull(t, d, ann(db.Cursor{}, true)); got != "b a" {
		t.Errorf("ann anew: %s", got)
	}
	if got, _ = pull(t, d, db.Since{First: true, PerUser: true, User: "", Limit: 5}); got != "" {
		t.Errorf("who is nobody owns %s", got)
	}
}

// testLineage has two servers take turns, and then a third one that knows nothing of what they did last.
func testLineage(t *testing.T, d db.DB) {
	one, two := &writer{t: t, d: d, boot: "one"}, &writer{t: t, d: d, boot: "two"}
	var cursors []db.Cursor
	for i := range 6 {
		w := one
		if i%2 == 1 {
			w = two
		}
		w.put(db.Row{ID: fmt.Sprint(i)})
		_, c := pull(t, d, db.Since{First: true, Limit: 100})
		cursors = append(cursors, c)
	}
	for i, c := range cursors {
		if got, _ := pull(t, d, db.Since{Cursor: c, Limit: 100}); len(strings.Fields(got)) != 5-i {
			t.Errorf("after %s come %s", c, got)
		}
	}
	for _, c := range []db.Cursor{db.At(db.Mark{Boot: "three", Seq: 2}), db.At(db.Mark{Boot: "two", Seq: 7}),
		db.At(db.Mark{Boot: "two", Seq: 1})} {
		if _, err := d.Changes(t.Context(), "note", db.Since{Cursor: c, Limit: 100}); table.CodeOf(err) != table.CodeEpoch {
			t.Errorf("a cursor at %s, which never was: %v", c, err)
		}
	}
	(&writer{t: t, d: d, boot: "three"}).put(db.Row{ID: "6"})
	if got, _ := pull(t, d, db.Since{Cursor: cursors[4], Limit: 100}); got != "5 6" {
		t.Errorf("after %s come %s", cursors[4], got)
	}
	if _, err := d.Changes(t.Context(), "note", db.Since{Cursor: db.At(db.Mark{Boot: "two", Seq: 7}),
		Limit: 1}); table.CodeOf(err) != table.CodeEpoch {
		t.Errorf("a number that another gave: %v", err)
	}
	if _, err := d.Changes(t.Context(), "note", db.Since{Cursor: cursors[0], Seen: db.Mark{Boot: "two", Seq: 7},
		Limit: 1}); table.CodeOf(err) != table.CodeEpoch {
		t.Errorf("a client that has seen such a number: %v", err)
	}
	if _, err := d.Changes(t.Context(), "note", db.Since{First: true, Seen: db.Mark{Boot: "two", Seq: 7},
		Limit: 1}); table.CodeOf(err) != table.CodeEpoch {
		t.Errorf("such a client's first pull: %v", err)
	}
	if past, err := d.Past(t.Context(), "note", ""); past != "one-5,two-6,three-7" || err != nil {
		t.Errorf("the past is %s, %v", past, err)
	}
	for boot, want := range map[string]table.Past{"two": "two-6", "four": ""} {
		if past, err := d.Past(t.Context(), "note", boot); past != want || err != nil {
			t.Errorf("the past of %s is %q, %v", boot, past, err)
		}
	}
	for from, want := range map[db.Cursor]table.Past{{}: "one-5,two-6,three-7", cursors[5]: "one-5,two-6,three-7",
		db.At(db.Mark{Boot: "three", Seq: 7}): ""} {
		if page, err := d.Changes(t.Context(), "note", db.Since{Cursor: from, Limit: 9}); page.Past != want || err != nil {
			t.Errorf("a page after %s tells the past %q, %v", from, page.Past, err)
		}
	}
}

func testPurge(t *testing.T, d db.DB) {
	w := &writer{t: t, d: d, boot: "b"}
	w.put(db.Row{ID: "a", Owner: "ann"}, db.Row{ID: "b"}, db.Row{ID: "c"}, db.Row{ID: "d"})
	_, early := pull(t, d, db.Since{First: true, Limit: 100})
	w.put(db.Row{ID: "b", Deleted: true}, db.Row{ID: "a", Owner: "bob"}, db.Row{ID: "c", Deleted: true})
	if got := former(t, d, 0, 9, "a", "b", "none"); got != "6:a1 5:b2" {
		t.Errorf("before there was %s", got)
	}
	if got := former(t, d, 5, 9, "a", "b"); got != "6:a1" {
		t.Errorf("before the writes after the fifth there was %s", got)
	}
	if got := former(t, d, 0, 1, "a", "b", "c"); got != "7:c3" {
		t.Errorf("the last that there was: %s", got)
	}
	_, late := pull(t, d, db.Since{First: true, Limit: 100})
	w.put(db.Row{ID: "d", Deleted: true})

	for i, want := range []struct {
		last int64
		more bool
	}{{6, true}, {7, false}, {0, false}} {
		update(t, d, func(tx db.Tx) error {
			was, err := tx.Counter("note")
			if err != nil {
				return err
			}
			last, more, err := tx.Purge("note", was.Horizon, 7, 2)
			if err != nil || last != want.last || more != want.more {
				t.Errorf("purge %d: last %d, more %v, %v", i, last, more, err)
			}
			now := was
			now.Horizon = max(was.Horizon, last)
			return tx.Advance("note", was, now)
		})
	}
	if got, _ := pull(t, d, db.Since{Limit: 100}); got != "a -d" {
		t.Errorf("what is left: %s", got)
	}
	if got, _ := pull(t, d, db.Since{Cursor: late, Limit: 100}); got != "-d" {
		t.Errorf("who has read up to the horizon is told %s", got)
	}
	if _, err := d.Changes(t.Context(), "note", db.Since{Cursor: early, Limit: 100}); table.CodeOf(err) != table.CodeExpired {
		t.Errorf("who has not: %v", err)
	}
	if got, _ := pull(t, d, db.Since{PerUser: true, User: "ann", Limit: 100}); got != "" {
		t.Errorf("ann is told %s", got)
	}
	if got := former(t, d, 0, 9, "a", "b", "c", "d"); got != "8:d4" {
		t.Errorf("before there was, as far as it is known still, %s", got)
	}
}

// former lists what rows held before, each as the number of the write that replaced it, and its id and number.
func former(t *testing.T, d db.DB, after int64, limit int, ids ...string) string {
	t.Helper()
	list, err := d.Former(t.Context(), "note", ids, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, row := range list {
		r, err := table.ParseRecord(row.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%d:%s%v", row.Seq, row.ID, r["n"]))
	}
	return strings.Join(all, " ")
}
