//go:build js && wasm

package browser_test

import (
	"context"
	"testing"

	"github.com/larder-sync/larder/wasm/browser"
)

func TestWatchConnection(t *testing.T) {
	// watch follows a server that answers as the test says, and gives each change.
	watch := func(t *testing.T, first browser.Connection) (w *browser.Watch, answers chan<- browser.Connection, changes <-chan browser.Connection) {
		ctx, cancel := context.WithCancel(background(t))
		t.Cleanup(cancel)
		a, c := make(chan browser.Connection, 9), make(chan browser.Connection, 9)
		a <- first
		w = browser.WatchConnection(ctx, browser.ConnectionOptions{
			OnChange: func(now browser.Connection) { c <- now },
			Probe: func(ctx context.Context) browser.Connection {
				select {
				case now := <-a:
					return now
				case <-ctx.Done():
					return browser.Connection{}
				}
			},
		})
		return w, a, c
	}
	next := func(t *testing.T, changes <-chan browser.Connection, want browser.Connection) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		case <-background(t).Done():
			t.Fatalf("%+v was not told", want)
		}
	}
	ok, gone := browser.Connection{Online: true, Reason: "ok"}, browser.Connection{Reason: "network"}

	t.Run("what the probe finds is told, and asked again while offline", func(t *testing.T) {
		w, answers, changes := watch(t, gone)
		answers <- ok
		next(t, changes, gone)
		next(t, changes, ok)
		if got := w.State(); got != ok {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an event of the browser only has the server asked", func(t *testing.T) {
		_, answers, changes := watch(t, ok)
		next(t, changes, ok)
		answers <- gone
		script("(globalThis.document ?? globalThis).dispatchEvent(new Event('offline'))")
		next(t, changes, gone)
	})
	t.Run("a request that failed has the server asked, one that got through is believed", func(t *testing.T) {
		w, answers, changes := watch(t, ok)
		next(t, changes, ok)
		answers <- gone
		w.Report(false)
		next(t, changes, gone)
		w.Report(true)
		next(t, changes, ok)
	})
	t.Run("somebody else's answer is a portal", func(t *testing.T) {
		ctx, cancel := context.WithCancel(background(t))
		defer cancel()
		changes := make(chan browser.Connection, 9)
		browser.WatchConnection(ctx, browser.ConnectionOptions{URL: "data:text/plain,log in#", OnChange: func(c browser.Connection) { changes <- c }})
		next(t, changes, browser.Connection{Reason: "portal"})
	})
}
