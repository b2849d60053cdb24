package e2e

import (
	"context"
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

func openTab(t *testing.T, b *browser.Test, address, before string) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	p := &tab{Page: b.Open(t, address), t: t, ctx: ctx}
	p.read(new(any), before+`
		const { open } = await import('/larder.js');
		window.db = await open('shared', { version: 1, tables: { item: { columns: { tab: 'string' } } } });
		window.items = db.table('item');
		window.events = [];
		db.on('storage', ({ reason }) => events.push(reason));`)
	return p
}

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

func TestTabs(t *testing.T) {
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		for _, way := range []struct {
			name, before string
			rows, slice  int // that each tab writes, and how many at a time
		}{
			{"5,000 rows each by BroadcastChannel", "", 5000, 250},
			{"1,000 rows each by localStorage, where there is none", "delete window.BroadcastChannel;", 1000, 100},
		} {
			t.Run("two tabs write at once, lose nothing, and see all live: "+way.name, func(t *testing.T) {
				s := newStack(t)
				s.start(t)
				b := browser.New(t, browser.Options{Engine: engine})
				tabs := []*tab{openTab(t, b, s.url+"/", way.before), openTab(t, b, s.url+"/", way.before)}
				for i, p := range tabs {
					p.read(new(any), `
						const [tab, rows, slice] = arguments;
						window.seen = 0;
						items.live((rows) => { window.seen = rows.length; });
						window.writing = (async () => {
							for (let from = 0; from < rows; from += slice) {
								await items.bulkPut(Array.from({ length: slice }, (_, i) => ({ id: tab + '-' + (from + i), tab })));
							}
						})();`, []string{"a", "b"}[i], way.rows, way.slice)
				}
				for _, p := range tabs {
					p.read(new(any), `await writing;`)
				}
				for _, p := range tabs {
					p.wait(`return seen === arguments[0];`, 2*way.rows)
					var got []int
					p.read(&got, `return [await items.count(), await items.where({ tab: 'a' }).count(), await items.where({ tab: 'b' }).count()];`)
					if want := []int{2 * way.rows, way.rows, way.rows}; !slices.Equal(got, want) {
						t.Errorf("a tab has %v rows, all and of each tab, want %v", got, want)
					}
				}
			})
		}
	})
}

// TestFailures has Chromium do to a page's storage what browsers do when they need room.
func TestFailures(t *testing.T) {
	s := newStack(t)
	s.start(t)
	p := openTab(t, browser.New(t, browser.Options{}), s.url+"/", "")
	cdp := func(method string, params map[string]any) {
		t.Helper()
		if _, err := p.CDP(p.ctx, method, params); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a database that the browser closes and empties is opened again, and recognised", func(t *testing.T) {
		cdp("Storage.clearDataForOrigin", map[string]any{"origin": s.url, "storageTypes": "indexeddb"})
		var got []any
		p.read(&got, `
			const before = await items.count();
			await items.put({ id: '4', tab: 'after' });
			return [before, await items.count(), db.status.evicted];`)
		if got[0] != 0.0 || got[1] != 1.0 || got[2] != true {
			t.Errorf("got %v, want 0 rows, then 1, in a database that was evicted", got)
		}
		p.wait(`return events.includes('evicted');`)
	})
}
