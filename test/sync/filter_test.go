package sync_test

import (
	"context"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

func part(filter string) replica.Pull { return replica.Pull{Table: "todoitem", Filter: filter} }

func (d *device) pull(pulls ...replica.Pull) replica.Result {
	d.t.Helper()
	result, err := d.replica.Run(ctx, replica.Job{Pulls: pulls, Patience: time.Minute})
	if err != nil {
		d.t.Fatal(err)
	}
	return result
}

// holds fails the test unless the device has just these records.
func (d *device) holds(ids ...string) {
	d.t.Helper()
	got := table.AppendKeys(nil, d.rows())
	if !reflect.DeepEqual(got, ids) && len(got)+len(ids) > 0 {
		d.t.Errorf("the device holds %v, want %v", got, ids)
	}
}

func ranked(id string, rank float64) table.Record { return table.Record{"id": id, "rank": rank} }

func TestFilteredPull(t *testing.T) {
	start := func(t *testing.T) (writer, reader *device) {
		url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
		a, b := newDevice(t, url), newDevice(t, url)
		a.put(ranked("1", 1), ranked("2", 2), ranked("3", 3), ranked("4", 4))
		a.sync()
		return a, b
	}
	low, high, even := part("rank lt 3"), part("rank ge 3"), part("rank mod 2 eq 0")

	t.Run("brings what meets the filter, and then what changed of it", func(t *testing.T) {
		a, b := start(t)
		b.pull(low)
		b.holds("1", "2")
		a.update(ranked("2", 5), ranked("3", 0))
		a.delete("1")
		a.sync()
		if result := b.pull(low); result.Pulled != 3 {
			t.Errorf("pulled %d changes, want those of 3 records", result.Pulled)
		}
		b.holds("3")
		if result := b.pull(low); result.Pulled != 0 {
			t.Errorf("a pull with nothing new brought %d changes", result.Pulled)
		}
	})
	t.Run("keeps a cursor for each filter", func(t *testing.T) {
		_, b := start(t)
		b.pull(low, high)
		b.holds("1", "2", "3", "4")
		if result := b.pull(low, high); result.Pulled != 0 {
			t.Errorf("the second pulls brought %d changes", result.Pulled)
		}
		pulls, err := b.replica.Pulled(ctx)
		if err != nil || !slices.Contains(pulls, low) || !slices.Contains(pulls, high) || len(pulls) != 2 {
			t.Errorf("pulled before: %v, %v", pulls, err)
		}
		b.sync()
		if result := b.sync(); result.Requests != 2 {
			t.Errorf("a sync made %d requests, want one for each part that was pulled", result.Requests)
		}
	})
	t.Run("a record that moves to another pull's filter stays, whichever is pulled first", func(t *testing.T) {
		for _, order := range [][]replica.Pull{{low, high}, {high, low}} {
			a, b := start(t)
			b.pull(low, high)
			a.update(ranked("1", 9))
			a.sync()
			b.pull(order...)
			b.holds("1", "2", "3", "4")
		}
	})
	t.Run("a record that leaves all filters goes", func(t *testing.T) {
		for _, order := range [][]replica.Pull{{low, even}, {even, low}} {
			a, b := start(t)
			b.pull(low, even)
			b.holds("1", "2", "4")
			a.update(ranked("2", 7))
			a.sync()
			b.pull(order...)
			b.holds("1", "4")
		}
	})
	t.Run("a record that leaves the filter keeps the change that waits", func(t *testing.T) {
		a, b := start(t)
		b.pull(low)
		b.update(table.Record{"id": "2", "text": "mine"})
		b.delete("1")
		a.update(ranked("1", 8), ranked("2", 9))
		a.sync()
		b.pull(low)
		if n := len(b.pending()); n != 2 {
			t.Fatalf("%d operations wait, want both", n)
		}
		b.decide = func(*replica.Conflict) (replica.Decision, error) {
			return replica.Decision{Choice: replica.ChooseLocal}, nil
		}
		b.sync()
		b.pull(low)
		a.sync()
		want := map[string]table.Record{"2": {"id": "2", "rank": 9.0, "text": "mine"}, "3": ranked("3", 3), "4": ranked("4", 4)}
		if got := a.rows(); !reflect.DeepEqual(got, want) {
			t.Errorf("the server holds %v, want %v", got, want)
		}
		b.holds()
	})
	t.Run("what was pushed here and deleted there before the first pull goes", func(t *testing.T) {
		a, b := start(t)
		b.put(ranked("0", 0))
		if _, err := b.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
		a.sync()
		a.delete("0")
		a.sync()
		b.pull(low)
		b.holds("1", "2")
	})
	t.Run("refuses a filter that names no column", func(t *testing.T) {
		_, b := start(t)
		if _, err := b.replica.Run(ctx, replica.Job{Pulls: []replica.Pull{part("colour eq 'red'")}}); table.CodeOf(err) != table.CodeQuery {
			t.Errorf("got %v, want code query", err)
		}
	})
}

// TestExpiredToken lets the server say that a token is of other rights: what the new pull does not bring is gone, but for what
// has a change that waits, and whatever stops the pull on its way.
func TestExpiredToken(t *testing.T) {
	for _, pull := range []replica.Pull{part(""), part("rank lt 100")} {
		t.Run("pull "+pull.Filter, func(t *testing.T) {
			url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
			a, b := newDevice(t, url), newDevice(t, url)
			a.put(ranked("1", 1), ranked("2", 2), ranked("3", 3), ranked("4", 4), ranked("5", 5))
			a.sync()
			b.pull(pull)
			b.update(table.Record{"id": "5", "text": "mine"})
			b.put(ranked("new", 6))
			// Another server, that has some of these: to the device they are those that it may still see.
			other := newDevice(t, newServer(t, filepath.Join(t.TempDir(), "other.db")).URL)
			other.put(ranked("1", 1), ranked("3", 3), ranked("6", 6))
			other.sync()
			b.network.url = other.network.url
			b.network.answer = func(s replica.Send) *replica.Answer {
				b.network.answer = nil
				return &replica.Answer{Status: http.StatusGone, Body: []byte(`{"code":"expired","error":"other rights"}`)}
			}
			pages := 0
			stop, cancel := context.WithCancel(ctx)
			_, err := b.replica.Run(stop, replica.Job{Pulls: []replica.Pull{pull}, PageSize: 1, Progress: func(string, int, int) {
				if pages++; pages == 2 {
					cancel()
				}
			}})
			if table.CodeOf(err) != table.CodeAborted {
				t.Fatalf("got %v, want code aborted", err)
			}
			b.holds("1", "2", "3", "4", "5", "new")
			b.restart() // what came so far is forgotten with the program
			b.pull(pull)
			b.holds("1", "3", "5", "6", "new")
			if n := len(b.pending()); n != 2 {
				t.Errorf("%d operations wait, want 2", n)
			}
		})
	}
}
