package e2e

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/browser"
)

// withoutLocks is what a page begins with whose browser has no Web Locks.
const withoutLocks = `Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true });`

// syncing opens a tab with a synced database. freeze() stops it in the middle of a push, as a browser does to a page out of sight that
// wants to go on: no timer fires, and no answer arrives, until thaw().
func syncing(t *testing.T, b *browser.Test, address, name, before string) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	p := &tab{Page: b.Open(t, address+plain), t: t, ctx: ctx}
	p.read(new(any), before+`
		let frozen = Promise.resolve();
		const later = window.setTimeout;
		window.setTimeout = (fn, ...rest) => later(() => frozen.then(fn), ...rest);
		window.freeze = () => { frozen = new Promise((go) => { window.thaw = go; }); };
		const { open } = await import('/larder.js');
		window.db = await open(arguments[0], { version: 1, tables: { todoitem: { columns: { text: 'string', complete: 'boolean' } } },
			sync: { url: location.origin } });
		window.items = db.table('todoitem');
		window.answered = 0;
		const fetched = window.fetch;
		window.fetch = async (...request) => {
			const response = await fetched(...request);
			if (String(request[0]).endsWith('$batch')) {
				window.answered++;
				await frozen;
			}
			return response;
		};`, name)
	return p
}

// TestLease has tabs stop in the middle of a push, where the browser has locks and where it has none.
func TestLease(t *testing.T) {
	s := newStack(t)
	s.start(t)
	var mu sync.Mutex
	pushing, most := 0, 0
	front := s.proxy.Handler
	s.proxy.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == table.PathBatch {
			mu.Lock()
			pushing++
			most = max(most, pushing)
			mu.Unlock()
			defer func() {
				mu.Lock()
				pushing--
				mu.Unlock()
			}()
		}
		front.ServeHTTP(w, r)
	})
	b := browser.New(t, browser.Options{})
	t.Run("F9: of two tabs without locks that push at once, one does after the other", func(t *testing.T) {
		a, other := syncing(t, b, s.url, "at once", withoutLocks), syncing(t, b, s.url, "at once", withoutLocks)
		a.read(new(any), `await items.bulkPut(Array.from({ length: 600 }, (_, i) => ({ id: 'once-' + i, text: 'x' })));`)
		for _, p := range []*tab{a, other} {
			p.read(new(any), `window.pushing = db.push({ timeout: 60000 });`)
		}
		total := 0
		for _, p := range []*tab{a, other} {
			var pushed int
			p.read(&pushed, `return (await window.pushing).pushed;`)
			total += pushed
		}
		if total != 600 || most != 1 {
			t.Errorf("they pushed %d records, with %d requests at once", total, most)
		}
	})

	// All of them at the same time, for each waits until the silence of its first tab is long enough.
	type pair struct {
		name   string
		before string
		a, b   *tab
	}
	pairs := []*pair{{name: "frozen", before: withoutLocks}, {name: "frozen with its lock"}, {name: "closed", before: withoutLocks}}
	for _, p := range pairs {
		p.a, p.b = syncing(t, b, s.url, p.name, p.before), syncing(t, b, s.url, p.name, p.before)
		p.a.read(new(any), `
			await items.put({ id: arguments[0] + '-1', text: 'from the first' });
			freeze();
			window.pushing = db.push().then(() => 'pushed', (error) => error.code);`, p.name)
		p.a.wait(`return window.answered === 1;`)
		if p.name == "closed" {
			if err := p.a.Close(p.a.ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range pairs {
		p.b.read(new(any), `window.pushing = db.push({ timeout: 100000 }).then(({ pushed }) => pushed);`)
	}
	for _, p := range pairs {
		t.Run("F10: a tab that was "+p.name+" in mid-push is replaced, and stores nothing when it goes on", func(t *testing.T) {
			var pushed, waits int
			p.b.read(&pushed, `const pushed = await window.pushing;
				await items.put({ id: arguments[0] + '-1', text: 'newer' });
				await db.push();
				await items.put({ id: arguments[0] + '-1', text: 'newest' });
				return pushed;`, p.name)
			if pushed != 1 {
				t.Errorf("the other tab pushed %d, want the one that the first had sent", pushed)
			}
			if p.name != "closed" {
				var ended string
				p.a.read(&ended, `thaw(); return window.pushing;`)
				if ended != "aborted" {
					t.Errorf("the push of the first ended with %q", ended)
				}
			}
			var text string
			p.b.read(&text, `return (await items.get(arguments[0] + '-1')).text;`, p.name)
			p.b.read(&waits, `return db.pending.count();`)
			if text != "newest" || waits != 1 {
				t.Errorf("afterwards the record is %q, and %d operations wait", text, waits)
			}
			p.b.read(&waits, `await db.push(); return db.pending.count();`)
			if records, _ := s.changes(t, "todoitem"); records[p.name+"-1"]["text"] != "newest" || waits != 0 {
				t.Errorf("the server has %v, and %d operations wait", records[p.name+"-1"], waits)
			}
		})
	}
}
