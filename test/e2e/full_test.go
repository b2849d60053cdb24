package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// TestFullDisk fills the room that Chromium gives an origin, which must be small before the first write: what it has once
// granted it does not count again for a while.
func TestFullDisk(t *testing.T) {
	s := newStack(t)
	s.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := &tab{Page: browser.New(t, browser.Options{}).Open(t, s.url+plain), t: t, ctx: ctx}
	quota := func(params map[string]any) {
		t.Helper()
		params["origin"] = s.url
		if _, err := p.CDP(ctx, "Storage.overrideQuotaForOrigin", params); err != nil {
			t.Fatal(err)
		}
	}
	quota(map[string]any{"quotaSize": 2_000_000})
	p.read(new(any), `
		const { open } = await import('/larder.js');
		window.db = await open('full', { version: 1, tables: { todoitem: { columns: { text: 'string' } } }, sync: { url: location.origin } });
		window.todo = db.table('todoitem');
		window.todos = (letter) => Array.from({ length: 30 }, (_, i) => ({ id: 'full-' + i, text: letter.repeat(500) }));
		window.code = async (promise) => promise.then(() => 'done', (error) => error.code);
		await todo.bulkPut(todos('a'));
		await db.push();
		await todo.bulkPut(todos('b')); // these wait
		const other = await new Promise((resolve, reject) => {
			const request = indexedDB.open('other');
			request.onupgradeneeded = () => request.result.createObjectStore('noise', { autoIncrement: true });
			request.onsuccess = () => resolve(request.result);
			request.onerror = () => reject(request.error);
		});
		const fits = (size) => new Promise((resolve, reject) => {
			const tx = other.transaction('noise', 'readwrite');
			tx.objectStore('noise').add(crypto.getRandomValues(new Uint8Array(size)));
			tx.oncomplete = () => resolve(true);
			tx.onabort = () => (tx.error.name === 'QuotaExceededError' ? resolve(false) : reject(tx.error));
		});
		for (const size of [50_000, 5_000, 500, 50]) while (await fits(size));
		other.close();`)
	check := func(what string, want []any, body string) {
		t.Helper()
		var got []any
		if p.read(&got, body); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("writes", []any{"quota", "quota", 30.0}, `
		return [await code(todo.insert({ id: 'new', text: 'c'.repeat(1000) })), await code(todo.bulkPut(todos('d'))), await todo.count()];`)
	check("a transaction that deletes and adds", []any{"quota", 1.0, 30.0}, `
		let calls = 0;
		const got = await code(db.transaction(['todoitem'], 'readwrite', async (tx) => {
			calls++;
			await tx.table('todoitem').delete('full-0');
			await tx.table('todoitem').insert({ id: 'new', text: 'c'.repeat(1000) });
		}));
		return [got, calls, await todo.count()];`)
	check("a transaction that only deletes", []any{"done", true, 29.0}, `
		let last;
		const got = await code(db.transaction(['todoitem'], 'readwrite', async (tx) => {
			const { id, text } = await tx.table('todoitem').get('full-0');
			last = text;
			await tx.table('todoitem').delete(id);
		}));
		return [got, last === 'b'.repeat(500), await todo.count()];`)
	check("a push", []any{30.0, 0.0, 0.0, 29.0}, `
		const { pushed, quarantined } = await db.push();
		const answer = await fetch("/tables/todoitem?$filter=startswith(text,'bbb')", { headers: { 'zumo-api-version': '2.0.0' } });
		return [pushed, quarantined.length, db.status.pending, (await answer.json()).length];`)
	quota(map[string]any{})
	check("when there is room again", []any{"done", 30.0}, `
		return [await code(todo.insert({ id: 'new', text: 'c'.repeat(1000) })), await todo.count()];`)
}
