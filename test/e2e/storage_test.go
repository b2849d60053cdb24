package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// TestStorage calls what the JavaScript API has for versions, and for storage that fails.
func TestStorage(t *testing.T) {
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		s := newStack(t)
		s.start(t)
		page := browser.New(t, browser.Options{Engine: engine}).Open(t, s.url+"/")
		call(t, page, storageCases)
	})
}

var storageCases = map[string]apiCase{
	"a migration gets rows with Dates, and what it gives is stored": {`
		await t.bulkPut([{ id: '1', text: 'a', due: new Date(5), rank: 1 }, { id: '2', text: 'b' }, { id: '3', text: 'c' }]);
		await db.close();
		const next = await open(name, { version: 3, tables: { item: { columns: { title: 'string', due: 'date' }, indexes: ['title', 'due'] } },
			migrate: {
				2: { item: ({ text, ...row }) => (row.id === '3' ? null : { ...row, title: text }) },
				3: { item: (row) => ({ ...row, due: row.due instanceof Date ? new Date(row.due.getTime() + 1) : new Date(0) }) },
			} });
		try {
			const rows = await next.table('item').where({ title: ['a', 'b', 'c'] }).orderBy('due').toArray();
			return rows.map(({ due, ...row }) => [due.getTime(), row]);
		} finally { await next.close(); }`,
		`[[0,{"id":"2","title":"b"}],[6,{"id":"1","title":"a"}]]`},
	"a migration that fails names its version, table and record, and changes nothing": {`
		await t.put({ id: '7', text: 'a' });
		await db.close();
		const bad = (fn) => open(name, { ...options, version: 2, migrate: { 2: { item: fn } } });
		const errors = [];
		for (const fn of [() => { throw new Error('no luck'); }, () => undefined, async (row) => row, (row) => ({ ...row, rank: 'x' }), (row) => ({ ...row, id: 'y' })]) {
			errors.push(await code(bad(fn)), /7/.test(await message(bad(fn))), /item/.test(await message(bad(fn))));
		}
		const old = await open(name, options);
		try { return [...new Set(errors), await old.table('item').get('7')]; } finally { await old.close(); }`,
		`["migration",true,{"id":"7","text":"a"}]`},
	"migrations that are no functions, or of no version to be, are invalid": {`
		const with_ = (migrate) => code(open(name + 'x', { ...options, migrate }));
		return [await with_(5), await with_({ 2: 5 }), await with_({ 2: { item: 5 } }), await with_({ 9: { item: (row) => row } }), await with_({ x: {} })];`,
		`["invalid","invalid","invalid","invalid","invalid"]`},
	"older code does not open a newer database": {`
		await db.close();
		await (await open(name, { ...options, version: 2 })).close();
		return code(open(name, options));`, `"version"`},
	"a tab that keeps an older version open blocks, for as long as is told": {`
		await db.close();
		const raw = await new Promise((resolve) => { indexedDB.open(name).onsuccess = (event) => resolve(event.target.result); });
		const events = [];
		try {
			const got = await code(open(name, { ...options, version: 2, timeout: 300, onBlocked: ({ reason }) => events.push(typeof reason) }));
			return [got, events];
		} finally { raw.close(); }`, `["blocked",["string"]]`},
	"an older handle lets its app finish, gives way, and says that it is too old": {`
		const events = [];
		let saved;
		db.on('versionchange', async ({ error }) => {
			events.push(error?.code ?? 'asked');
			if (!error) saved = await t.put({ id: 'last', text: 'saved on the way out' });
		});
		const next = await open(name, { ...options, version: 2 });
		try {
			await until(() => events.length > 1);
			return [events, await next.table('item').get('last'), await code(t.get('last')), await code(t.put({ id: 'x' }))];
		} finally { await next.close(); }`,
		`[["asked","version"],{"id":"last","text":"saved on the way out"},"version","version"]`},
	"after an upgrade that failed an older handle goes on, reading, writing and live": {`
		await t.put({ id: '1', text: 'a' });
		const seen = [];
		const stop = t.orderBy('id').live((rows) => seen.push(rows.length));
		await until(() => seen.length);
		const failed = await code(open(name, { ...options, version: 2, migrate: { 2: { item: () => { throw new Error('no'); } } } }));
		await t.put({ id: '2', text: 'b' });
		const got = [failed, await t.count(), (await t.getMany(['1', '2'])).length];
		await until(() => seen.at(-1) === 2);
		stop();
		return got;`, `["migration",2,2]`},
	"a database that is destroyed elsewhere is closed": {`
		const events = [];
		db.on('versionchange', ({ reason }) => events.push(reason));
		await destroy(name);
		await until(async () => (await code(t.get('1'))) === 'closed');
		return [events.length, await code(t.put({ id: '1' }))];`, `[1,"closed"]`},
	"a database that was emptied is told from a new one, and its handle says so": {`
		await t.put({ id: '1', text: 'a' });
		const before = db.status.evicted;
		await db.close();
		await new Promise((resolve, reject) => { const r = indexedDB.deleteDatabase(name); r.onsuccess = resolve; r.onerror = reject; });
		const anew = await open(name, options);
		try {
			const reason = await new Promise((resolve) => anew.on('storage', (event) => resolve(event.reason)));
			const after = anew.status.evicted;
			await anew.close();
			const again = await open(name, options);
			const got = [before, reason, after, again.status.evicted];
			await again.close();
			await destroy(name);
			const wanted = await open(name, options);
			got.push(wanted.status.evicted);
			await wanted.close();
			return got;
		} finally { await anew.close(); }`, `[false,"evicted",true,false,false]`},
	"in memory everything works but lasting": {`
		const m = await open('memory', { ...options, storage: 'memory' });
		const items = m.table('item');
		await items.bulkPut([{ id: '1', text: 'a', rank: 2 }, { id: '2', text: 'b', rank: 1 }]);
		const seen = [];
		const stop = items.where({ text: ['a', 'b', 'c'] }).live((rows) => seen.push(rows.length));
		await m.transaction(['item'], 'readwrite', async (tx) => {
			const row = await tx.table('item').get('1');
			await tx.table('item').put({ ...row, id: '3', text: 'c' });
		});
		await until(() => seen.at(-1) === 3);
		stop();
		const got = [await items.orderBy('rank').toArray(), await items.count(), m.status.durable, db.status.durable];
		await m.close();
		const anew = await open('memory', { ...options, storage: 'memory' });
		got.push(await anew.table('item').count(), (await indexedDB.databases?.() ?? []).some((d) => d.name === 'memory'));
		await anew.close();
		return got;`,
		`[[{"id":"2","rank":1,"text":"b"},{"id":"1","rank":2,"text":"a"},{"id":"3","rank":2,"text":"c"}],3,false,true,0,false]`},
	"an export is what an import reads": {`
		const many = Array.from({ length: 600 }, (_, i) => ({ id: 'i' + String(i).padStart(4, '0'), text: 't\n' + i, due: new Date(i), more: { a: [i, null] } }));
		await t.bulkPut(many);
		await db.table('note').put({ id: 'n', text: '😀 é' });
		const steps = [];
		const text = await new Response(db.export({ progress: ({ done }) => steps.push(done) })).text();
		const copy = await open(name + ' copy', options);
		try {
			const taken = [];
			const n = await copy.import(new Blob([text]).stream(), { progress: ({ done }) => taken.push(done) });
			const again = await copy.import(text); // the same again changes nothing
			const same = JSON.stringify(await copy.table('item').toArray()) === JSON.stringify(await t.toArray());
			const first = JSON.parse(text.slice(0, text.indexOf('\n')));
			return [first.larder, first.version, text.split('\n').length, steps, n, taken, again, same, (await copy.table('note').get('n')).text,
				(await copy.table('item').get('i0003')).due.getTime()];
		} finally { await copy.close(); }`,
		`[1,1,603,[250,500,600,601],601,[250,500,600,601],601,true,"😀 é",3]`},
	"an import checks what it is given, and says where it is wrong": {`
		const head = '{"larder":1,"name":"x","version":1}\n', row = (table, r) => JSON.stringify({ table, row: r }) + '\n';
		const told = async (text) => [await code(db.import(text)), (await message(db.import(text))).match(/line \d+/)?.[0] ?? ''];
		return [await told(''), await told('hello'), await told(row('item', { id: '1' })), await told(head + '{'), await told(head + row('item', 5)),
			await told(head + row('gone', { id: '1' })), await told(head + row('item', { id: '1', rank: 'x' })), await told(head.replace('1}', '9}')),
			await code(db.import(5)), await code(() => db.export({ tables: ['gone'] })), await t.count()];`,
		`[["invalid",""],["invalid","line 1"],["invalid","line 1"],["invalid","line 2"],["invalid","line 2"],["not-found",""],["invalid",""],["version",""],"invalid","not-found",0]`},
	"an import of an older version is migrated": {`
		await t.bulkPut([{ id: '1', text: 'a', rank: 3 }, { id: '2', text: 'b' }]);
		const text = await new Response(db.export({ tables: ['item'] })).text();
		const next = await open(name + ' next', { version: 2, tables: { item: { columns: { title: 'string' } } },
			migrate: { 2: { item: ({ text, ...row }) => (text === 'b' ? null : { ...row, title: text }) } } });
		try {
			await next.import(text);
			return next.table('item').toArray();
		} finally { setTimeout(() => next.close(), 100); }`, `[{"id":"1","title":"a"}]`},
	"an export and an import end with their signal": {`
		const signal = AbortSignal.abort();
		return [await code(db.export({ signal }).getReader().read()), await code(db.import('x', { signal }))];`,
		`["aborted","aborted"]`},
	"how much is stored, and whether it is kept, is told or null": {`
		const { usage, quota, persisted } = await db.estimate();
		const kinds = [usage, quota].every((n) => n === null || Number.isSafeInteger(n));
		return [kinds, typeof persisted, typeof await db.persist({ timeout: 200 })];`, `[true,"boolean","boolean"]`},
}

// TestWithoutIndexedDB opens a database where the browser offers none.
func TestWithoutIndexedDB(t *testing.T) {
	s := newStack(t)
	s.start(t)
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		page := browser.New(t, browser.Options{Engine: engine}).Open(t, s.url+plain)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var got []string
		err := page.Read(ctx, &got, `
			delete window.indexedDB;
			Object.defineProperty(window, 'indexedDB', { value: undefined });
			const { open } = await import('/larder.js');
			const options = { version: 1, tables: { item: {} } };
			const error = await open('x', options).catch((error) => error);
			const db = await open('x', { ...options, storage: 'memory' });
			await db.table('item').put({ id: '1' });
			return [error.code, error.message, String(await db.table('item').count())];`)
		if err != nil {
			t.Fatal(err)
		}
		if got[0] != "storage" || !strings.Contains(got[1], "IndexedDB") || got[2] != "1" {
			t.Errorf("got %q", got)
		}
	})
}
