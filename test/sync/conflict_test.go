package sync_test

import (
	"path/filepath"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

func TestConflicts(t *testing.T) {
	base := table.Record{"id": "1", "text": "base", "rank": 1.0}
	mine := table.Record{"id": "1", "text": "mine"}
	theirs := table.Record{"id": "1", "text": "theirs"}
	both := func(r table.Record) table.Record { return table.Record{"id": "1", "text": r["text"], "rank": 1.0} }
	merged := table.Record{"id": "1", "text": "both", "rank": 2.0}
	for name, c := range map[string]struct {
		a, b     func(*device)
		decision replica.Decision
		asked    int
		want     map[string]table.Record
	}{
		"different columns merge without asking": {
			a: func(d *device) { d.update(mine) }, b: func(d *device) { d.update(table.Record{"id": "1", "rank": 2.0}) },
			want: map[string]table.Record{"1": {"id": "1", "text": "mine", "rank": 2.0}}},
		"equal changes are no conflict": {
			a: func(d *device) { d.update(mine) }, b: func(d *device) { d.update(mine) },
			want: map[string]table.Record{"1": both(mine)}},
		"the local record wins": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1, want: map[string]table.Record{"1": both(mine)}},
		"the server's record wins": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseServer}, asked: 1, want: map[string]table.Record{"1": both(theirs)}},
		"a record of the app's own wins": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseRecord, Record: merged}, asked: 1, want: map[string]table.Record{"1": merged}},
		"a cancelled operation leaves the server's record to the next pull": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseCancel}, asked: 1, want: map[string]table.Record{"1": both(theirs)}},
		"mine over a record that was deleted there": {
			a: func(d *device) { d.delete("1") }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1, want: map[string]table.Record{"1": both(mine)}},
		"the delete of the server's over mine": {
			a: func(d *device) { d.delete("1") }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseServer}, asked: 1, want: map[string]table.Record{}},
		"my delete over a newer record": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.delete("1") },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1, want: map[string]table.Record{}},
		"deleted on both sides": {
			a: func(d *device) { d.delete("1") }, b: func(d *device) { d.delete("1") }, want: map[string]table.Record{}},
		"two inserts of one id": {
			a: func(d *device) { d.put(item("2", "theirs")) }, b: func(d *device) { d.put(item("2", "mine")) },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1,
			want: map[string]table.Record{"1": base, "2": item("2", "mine")}},
	} {
		for kind, serve := range servers {
			t.Run(name+", with "+kind, func(t *testing.T) {
				url := serve(t)
				a, b := newDevice(t, url), newDevice(t, url)
				a.put(base)
				a.sync()
				b.sync()
				c.a(a)
				a.sync()
				c.b(b)
				b.decide = func(*replica.Conflict) (replica.Decision, error) { return c.decision, nil }
				b.sync()
				if len(b.asked) != c.asked {
					t.Errorf("asked %d times, want %d", len(b.asked), c.asked)
				}
				a.sync()
				agree(t, url, c.want, a, b)
			})
		}
	}
}

func TestConflictThatNobodyDecides(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	a.put(item("1", "base"))
	a.sync()
	b.sync()
	a.update(item("1", "theirs"))
	a.sync()
	b.update(item("1", "mine"))
	b.put(item("2", "free"))
	result := b.sync()
	if len(result.Quarantined) != 1 || result.Quarantined[0].Reason != "conflict" || result.Pushed != 1 {
		t.Fatalf("quarantined %v, pushed %d: want the conflict aside and the rest pushed", result.Quarantined, result.Pushed)
	}
	if got := b.rows()["1"]["text"]; got != "mine" {
		t.Errorf("the local record is %v, want mine until somebody decides", got)
	}
	t.Run("discard goes back to the server's record", func(t *testing.T) {
		if err := b.replica.Discard(ctx, b.pending()[0].ID); err != nil {
			t.Fatal(err)
		}
		agree(t, url, map[string]table.Record{"1": item("1", "theirs"), "2": item("2", "free")}, b)
	})
}
