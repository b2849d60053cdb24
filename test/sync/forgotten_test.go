package sync_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// newForgetful starts a server. With the first write after forget it no longer knows of what was deleted before.
func newForgetful(t *testing.T) (url string, forget func()) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	url = serve(t, filepath.Join(t.TempDir(), "larder.db"), tableFile,
		api.Options{Feed: feed.Options{Inline: true, Now: func() time.Time { return now }}}).URL
	return url, func() { now = now.Add(feed.DefaultKeep + 48*time.Hour) }
}

// TestForgottenTombstone pushes a record, and pulls only when it was deleted so long ago that the server does not know of it
// any more.
func TestForgottenTombstone(t *testing.T) {
	url, forget := newForgetful(t)
	a, b, c := newDevice(t, url), newDevice(t, url), newDevice(t, url)
	if _, err := c.replica.Pull(ctx, 0, "todoitem"); err != nil { // of nothing
		t.Fatal(err)
	}
	a.put(item("1", "goes"))
	c.put(item("4", "goes too"))
	for _, d := range []*device{a, c} {
		if _, err := d.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	b.sync()
	b.delete("4")
	b.delete("1")
	b.put(item("2", "stays"))
	b.sync()
	forget()
	b.put(item("3", "stays too"))
	b.sync() // and with it the server forgets
	a.sync()
	c.sync()
	agree(t, url, map[string]table.Record{"2": item("2", "stays"), "3": item("3", "stays too")}, a, b, c)
}

// TestForgottenSinceTheLastPull has a server forget that it has deleted a record, of which a device has an older state.
func TestForgottenSinceTheLastPull(t *testing.T) {
	for name, conflict := range map[string]bool{"and cuts off the answer that says so": false, "while an insert is in conflict with it": true} {
		t.Run(name, func(t *testing.T) {
			url, forget := newForgetful(t)
			a, b := newDevice(t, url), newDevice(t, url)
			b.put(item("0", "stays"))
			b.sync()
			a.sync()
			b.put(item("1", "goes"))
			b.sync()
			if conflict {
				a.put(item("1", "mine"))
			}
			a.sync()
			b.delete("1")
			b.sync()
			forget()
			b.update(item("0", "stays for long"))
			b.sync() // and with it the server forgets
			if !conflict {
				a.network.answer = func(replica.Send) *replica.Answer {
					return &replica.Answer{Status: http.StatusGone, Body: []byte(`{"code":"expired","error":"the delta tok`)}
				}
				if _, err := a.replica.Pull(ctx, 0, "todoitem"); table.CodeOf(err) != table.CodeServer {
					t.Fatalf("the pull ended with %v, want code server", err)
				}
				a.network.answer = nil
			}
			a.sync()
			for _, op := range a.pending() {
				if err := a.replica.Discard(ctx, op.ID); err != nil {
					t.Fatal(err)
				}
			}
			a.sync()
			agree(t, url, map[string]table.Record{"0": item("0", "stays for long")}, a, b)
		})
	}
}
