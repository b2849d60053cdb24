package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// tab is a page with a database that several tabs share.
type tab struct {
	*browser.Page
	t   *testing.T
	ctx context.Context
}

// openTab opens a page that is nothing but the tab of a database: it has `items`, the only table, and `events`, the reasons
// that were told about its storage.
func openTab(t *testing.T, b *browser.Test, address, name, before string) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	p := &tab{Page: b.Open(t, address+plain), t: t, ctx: ctx}
	p.read(new(any), before+`
		const { open } = await import('/larder.js');
		window.db = await open(arguments[0], { version: 1, tables: { item: { columns: { tab: 'string', rank: 'integer' }, indexes: ['rank'] } } });
		window.items = db.table('item');
		window.events = [];
		db.on('storage', ({ reason }) => events.push(reason));`, name)
	return p
}

// plain is a page of the origin that starts nothing: no app, and no worker.
const plain = "/larder.d.ts"

func (p *tab) read(dst any, body string, args ...any) {
	p.t.Helper()
	if err := p.Read(p.ctx, dst, body, args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) wait(body string, args ...any) {
	p.t.Helper()
	if _, err := p.Wait(p.ctx, body, args...); err != nil {
		p.t.Fatal(err)
	}
}

// following has a page follow a live query: told is what it was told last, and known what the changes told so far come to, by
// id. They must be the same at each call, with ids that were not there before added only, and those that were changed or
// removed; what is not is in wrong.
const following = `
	Object.assign(window, { told: [], known: new Map(), wrong: [], calls: 0 });
	window.follow = (query) => query.live((rows, { added, changed, removed }) => {
		calls++;
		const say = (what, id) => { if (wrong.length < 10) wrong.push('call ' + calls + ': ' + what + ' ' + id); };
		for (const id of removed) if (!known.delete(id)) say('removed, and was not there:', id);
		for (const row of added) {
			if (known.has(row.id)) say('added, and was there:', row.id);
			known.set(row.id, JSON.stringify(row));
		}
		for (const row of changed) {
			if (!known.has(row.id)) say('changed, and was not there:', row.id);
			else if (known.get(row.id) === JSON.stringify(row)) say('changed, and is as it was:', row.id);
			known.set(row.id, JSON.stringify(row));
		}
		if (calls > 1 && added.length + changed.length + removed.length === 0) say('nothing', '');
		for (const row of rows) if (known.get(row.id) !== JSON.stringify(row)) say('not told how it is now:', row.id);
		if (rows.length !== known.size) say('rows, and by their changes ' + known.size + ':', rows.length);
		told = rows;
	});`

// ways are the two that a tab tells others what it has changed.
var ways = []struct{ name, before string }{
	{"by BroadcastChannel", ""},
	{"by localStorage, where there is none", "delete window.BroadcastChannel;"},
}

func TestTabs(t *testing.T) {
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		s := newStack(t)
		s.start(t)
		b := browser.New(t, browser.Options{Engine: engine})
		pair := func(t *testing.T, before string) []*tab {
			tabs := []*tab{openTab(t, b, s.url, t.Name(), before), openTab(t, b, s.url, t.Name(), before)}
			for i, p := range tabs {
				p.read(new(any), following+`window.me = arguments[0];`, []string{"a", "b"}[i])
			}
			return tabs
		}
		for _, way := range ways {
			rows, slice := 5000, 250 // that each tab writes, and how many at a time
			if way.before != "" {
				rows, slice = 1000, 100
			}
			t.Run("two tabs write at once, lose nothing, and see all live, "+way.name, func(t *testing.T) {
				tabs := pair(t, way.before)
				for _, p := range tabs {
					p.read(new(any), `
						const [rows, slice] = arguments;
						follow(items.where());
						window.writing = (async () => {
							for (let from = 0; from < rows; from += slice) {
								await items.bulkPut(Array.from({ length: slice }, (_, i) => ({ id: me + '-' + (from + i), tab: me })));
							}
						})();`, rows, slice)
				}
				for _, p := range tabs {
					p.read(new(any), `await writing;`)
				}
				for _, p := range tabs {
					p.wait(`return told.length === arguments[0];`, 2*rows)
					p.right()
					var got []int
					p.read(&got, `return [await items.count(), await items.where({ tab: 'a' }).count(), await items.where({ tab: 'b' }).count()];`)
					if want := []int{2 * rows, rows, rows}; !slices.Equal(got, want) {
						t.Errorf("a tab has %v rows, all and of each tab, want %v", got, want)
					}
				}
			})
			t.Run("rows that two tabs add, change and remove at once are told right, "+way.name, func(t *testing.T) {
				tabs := pair(t, way.before)
				for _, p := range tabs {
					p.read(new(any), `
						follow(items.where({ rank: { ge: 50 } }).orderBy('rank'));
						const any = (n) => Math.floor(Math.random() * n);
						window.writing = (async () => {
							for (let i = 0; i < 150; i++) {
								const id = 'r' + any(40), row = { id, tab: me, rank: any(100) };
								const kind = any(5);
								if (kind === 0) await items.delete(id);
								else if (kind === 1) await items.bulkPut(Array.from({ length: 30 }, (_, j) => ({ ...row, id: 'r' + (j + any(10)) })));
								else if (kind === 2) await db.transaction(['item'], 'readwrite', (tx) => tx.table('item').put(row));
								else await items.put(row);
							}
							// The last word is this tab's own: what it says of its row must arrive in both.
							await items.put({ id: 'last-' + me, tab: me, rank: 99 });
						})();`)
				}
				for _, p := range tabs {
					p.read(new(any), `await writing;`)
				}
				for _, p := range tabs {
					p.wait(`
						const rows = await items.where({ rank: { ge: 50 } }).orderBy('rank').toArray();
						return known.has('last-a') && known.has('last-b') && JSON.stringify(rows) === JSON.stringify(told);`)
					p.right()
				}
			})
		}
	})
}

// right checks that the page was told nothing wrong.
func (p *tab) right() {
	p.t.Helper()
	var wrong []string
	p.read(&wrong, `return wrong;`)
	for _, text := range wrong {
		p.t.Error(text)
	}
}

// TestFailures has browsers do to a page's storage what they do when they need room.
func TestFailures(t *testing.T) {
	files := http.FileServer(http.Dir(newStack(t).web))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/empty" {
			w.Header().Set("Clear-Site-Data", `"storage"`) // which browsers answer when it is done
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer site.Close()
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		t.Run("a database that the browser closes and empties is opened again, and recognised", func(t *testing.T) {
			p := openTab(t, browser.New(t, browser.Options{Engine: engine}), site.URL, "failing", "")
			p.read(new(any), `await items.bulkPut([{ id: '1' }, { id: '2' }, { id: '3' }]); await fetch('/empty');`)
			var got []any
			p.read(&got, `
				const before = await items.count();
				await items.put({ id: '4', tab: 'after' });
				return [before, await items.count(), db.status.evicted];`)
			if want := []any{0.0, 1.0, true}; !slices.Equal(got, want) {
				t.Errorf("got %v, want 0 rows, then 1, in a database that was evicted", got)
			}
			p.wait(`return events.includes('evicted');`)
		})
	})
}
