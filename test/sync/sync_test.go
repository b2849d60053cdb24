// Package sync_test runs the sync engine natively, over the memory store, against the real server on a real SQLite file,
// with a network between them that the test can break.
package sync_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

func TestTwoDevicesMeet(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	a.put(item("1", "bread"), item("2", "milk"), item("3", "tea"))
	if r := a.sync(); r.Pushed != 3 {
		t.Errorf("pushed %d, want 3", r.Pushed)
	}
	b.sync()
	b.update(table.Record{"id": "1", "complete": true})
	b.delete("2")
	b.put(item("4", "jam"))
	b.sync()
	a.sync()
	agree(t, url, map[string]table.Record{"1": {"id": "1", "text": "bread", "complete": true}, "3": item("3", "tea"), "4": item("4", "jam")}, a, b)
}

func TestCollapse(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	a.put(item("old", "old"), item("gone", "gone"), item("back", "back"))
	a.sync()
	for name, c := range map[string]struct {
		writes func()
		want   []table.Action
	}{
		"an insert that is deleted sends nothing":         {func() { a.put(item("new", "x")); a.delete("new") }, nil},
		"updates of an insert stay an insert":             {func() { a.put(item("new", "x")); a.put(item("new", "y")) }, []table.Action{table.ActionInsert}},
		"updates join":                                    {func() { a.put(item("old", "x")); a.put(item("old", "y")) }, []table.Action{table.ActionUpdate}},
		"an update that is taken back sends nothing":      {func() { a.put(item("old", "x")); a.put(item("old", "old")) }, nil},
		"an update and a delete are a delete":             {func() { a.put(item("gone", "x")); a.delete("gone") }, []table.Action{table.ActionDelete}},
		"a delete and a new record are an update":         {func() { a.delete("back"); a.put(item("back", "y")) }, []table.Action{table.ActionUpdate}},
		"a delete of what is not there sends nothing":     {func() { a.delete("never") }, nil},
		"a delete and the same record again send nothing": {func() { a.delete("old"); a.put(item("old", "old")) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.writes()
			var got []table.Action
			for _, op := range a.pending() {
				got = append(got, op.Action)
				if err := a.replica.Discard(ctx, op.ID); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("the outbox has %v, want %v", got, c.want)
			}
			want := map[string]table.Record{"old": item("old", "old"), "gone": item("gone", "gone"), "back": item("back", "back")}
			if rows := a.rows(); !reflect.DeepEqual(rows, want) {
				t.Errorf("after the discard: %v, want %v", rows, want)
			}
		})
	}
}

// TestReplyLost drops the answer to a push after the server has committed it.
func TestReplyLost(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	a.put(item("keep", "keep"), item("drop", "drop"))
	a.sync()

	lost := errors.New("the connection was reset")
	a.network.after = func(s replica.Send) error { return lost }
	a.put(item("new", "new"))
	a.update(table.Record{"id": "keep", "rank": 1.0})
	a.delete("drop")
	if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("the push ended with %v, want code network", err)
	}
	for _, op := range a.pending() {
		if op.State != table.StateSending {
			t.Errorf("%s %s is %s, want sending", op.Action, op.RecordID, op.State)
		}
	}

	t.Run("edits made meanwhile survive the late verdict", func(t *testing.T) {
		a.network.after = nil
		a.update(table.Record{"id": "keep", "text": "edited"})
		a.put(item("new", "newer"))
		a.put(item("late", "late"))
		result := a.sync()
		if len(a.asked) != 0 || len(result.Quarantined) != 0 {
			t.Errorf("asked %v, quarantined %v: a lost reply needs nobody", a.asked, result.Quarantined)
		}
		agree(t, url, map[string]table.Record{"keep": {"id": "keep", "text": "edited", "rank": 1.0}, "new": item("new", "newer"), "late": item("late", "late")}, a)
	})
	t.Run("nothing was applied twice", func(t *testing.T) {
		// Four writes before the loss and three after it, seen from the feed: each has taken one sequence number.
		response, err := http.Get(url + "/tables/todoitem?$deltatoken=")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		page, err := table.ParsePage(body)
		if err != nil {
			t.Fatal(err)
		}
		highest := 0
		for _, c := range page.Changes {
			highest = max(highest, number(t, c.Open().Version()))
		}
		if highest != 2+3+3 {
			t.Errorf("the feed is at %d after 8 writes: something was applied twice, or not at all", highest)
		}
	})
}

func TestPullIsAtomicWithItsCursor(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	want := map[string]table.Record{}
	for i := range 25 {
		r := item(strconv.Itoa(100+i), "x")
		want[r.ID()] = r
		a.put(r)
	}
	a.sync()
	broken := errors.New("broken")
	page := 0
	b.network.after = func(replica.Send) error {
		if page++; page == 2 {
			return broken
		}
		return nil
	}
	if _, err := b.replica.Run(ctx, replica.Job{Pulls: replica.Whole("todoitem"), PageSize: 10}); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("got %v, want code network", err)
	}
	if n := len(b.rows()); n != 10 {
		t.Errorf("%d rows after one page of 10", n)
	}
	b.network.after, b.network.sent = nil, nil
	done := []int{}
	if _, err := b.replica.Run(ctx, replica.Job{Pulls: replica.Whole("todoitem"), PageSize: 10,
		Progress: func(_ string, n, known int) { done = append(done, n) }}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(done, []int{10, 15}) {
		t.Errorf("the second pull brought pages of %v rows: it began anew", done)
	}
	agree(t, url, want, a, b)
}

func TestRefusedOperationHoldsUpNothing(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	// The server's table has no such column: it stands for any record that the server refuses for good.
	if err := a.store.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		if _, err := tx.Table("todoitem").Insert(ctx, item("1", "a"), item("2", "b"), item("3", "c")); err != nil {
			return err
		}
		results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: replica.StoreOutbox, Take: -1})
		if err != nil {
			return err
		}
		row := results[0].Rows[1]
		row["record"] = map[string]any{"id": "2", "text": "b", "colour": "red"}
		_, err = tx.Run(ctx, store.Step{Op: store.OpPut, Store: replica.StoreOutbox, Values: []table.Record{row}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	result := a.sync()
	if result.Pushed != 2 || len(result.Quarantined) != 1 || !strings.Contains(result.Quarantined[0].Reason, "colour") {
		t.Fatalf("pushed %d, quarantined %v", result.Pushed, result.Quarantined)
	}
	a.put(item("2", "mended"))
	a.sync()
	agree(t, url, map[string]table.Record{"1": item("1", "a"), "2": item("2", "mended"), "3": item("3", "c")}, a)
}

func TestLargePushGoesInBatches(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	want := map[string]table.Record{}
	var all []table.Record
	for i := range 2500 {
		r := item(strconv.Itoa(10000+i), "x")
		want[r.ID()] = r
		all = append(all, r)
	}
	a.put(all...)
	result := a.sync()
	if result.Pushed != 2500 || result.Requests > 10 {
		t.Errorf("pushed %d in %d requests", result.Pushed, result.Requests)
	}
	agree(t, url, want, a)
}
