package e2e

import (
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// TestBackground closes the page with something waiting: in Chromium the worker pushes it on a sync event, elsewhere the next page does.
func TestBackground(t *testing.T) {
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		s := newStack(t)
		s.start(t)
		b := browser.New(t, browser.Options{Engine: engine, Profile: t.TempDir()})
		const open = `
			const { open } = await import('/larder.js');
			window.db = await open('background', {
				version: 1,
				tables: { todoitem: { columns: { text: 'string', complete: 'boolean', added: 'date' } } },
				sync: { url: location.origin, live: true, background: true },
			});`
		page := visit(t, b, s.url+"/")
		page.see(`return await applicationCache.ready`)
		page.read(new(any), open+`await db.checkConnection();`)
		blank := &user{Page: b.Open(t, s.url+"/healthz"), t: t, ctx: page.ctx}
		s.stop(t)
		page.read(new(any), `
			await db.checkConnection();
			await db.table('todoitem').insert({ text: 'written offline' });
			await db.push({ timeout: 1 }).catch(() => {});`)
		if err := page.Close(page.ctx); err != nil {
			t.Fatal(err)
		}
		s.start(t)

		if engine == browser.Chromium {
			for _, call := range []struct {
				method string
				params map[string]any
			}{
				{"ServiceWorker.enable", nil},
				{"ServiceWorker.stopAllWorkers", nil},
				// The first registration of a new profile has the number 0.
				{"ServiceWorker.dispatchSyncEvent", map[string]any{"origin": s.url, "registrationId": "0", "tag": "larder:background", "lastChance": false}},
			} {
				if _, err := blank.CDP(blank.ctx, call.method, call.params); err != nil {
					t.Fatal(call.method, err)
				}
			}
		} else {
			next := visit(t, b, s.url+"/")
			next.read(new(any), open)
		}
		blank.see(`const { value } = await (await fetch('/tables/todoitem?$deltatoken=', { cache: 'no-store' })).json();
			return value.filter((r) => r.text === 'written offline').length === 1`)
		for _, m := range b.Console() {
			if strings.Contains(m.Text, "Uncaught") {
				t.Error(m)
			}
		}
	})
}
