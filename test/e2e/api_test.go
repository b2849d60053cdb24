package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// apiCase calls the JavaScript API in a page, on a database of its own. body is that of an async function with `open`,
// `destroy`, `larder` (the module), `name`, `options`, `db` (open, with tables item and note), `t` (its table item),
// `code(promise)`, which gives the code that a promise is rejected with, `message(promise)`, which gives its text, and
// `until(fn)`, which waits until fn agrees. It returns what is compared with want, as JSON.
type apiCase struct{ body, want string }

const prelude = `
		const larder = await import('/larder.js');
		const { open, destroy, LarderError } = larder;
		const name = arguments[0];
		const options = { version: 1, storage: arguments[1] || undefined, tables: {
			item: { columns: { text: 'string', complete: 'boolean', due: 'date', rank: 'number', more: 'json' }, indexes: ['complete', 'rank', ['complete', 'due']] },
			note: { columns: { text: 'string' }, indexes: [{ columns: ['text'], unique: true }] },
		} };
		const db = await open(name, options);
		const t = db.table('item');
		const code = async (promise) => {
			try {
				await (typeof promise === 'function' ? promise() : promise);
			} catch (error) {
				return error instanceof LarderError ? error.code : 'not a LarderError: ' + error;
			}
			return 'no error';
		};
		const message = async (promise) => {
			try {
				await (typeof promise === 'function' ? promise() : promise);
			} catch (error) {
				return error.message;
			}
			return 'no error';
		};
		const until = async (fn) => { while (!(await fn())) await new Promise((r) => setTimeout(r, 5)); };
		try {
			return await (async () => {%BODY%})();
		} finally {
			await db.close();
		}`

// apiPage is a page that can load larder.js.
func apiPage(t *testing.T) *browser.Page {
	t.Helper()
	s := newStack(t)
	s.start(t)
	return browser.New(t, browser.Options{}).Open(t, s.url+"/")
}

func call(t *testing.T, page *browser.Page, cases map[string]apiCase) {
	t.Helper()
	callIn(t, page, "", cases)
}

// callIn is call, with what options.storage is; "" for IndexedDB.
func callIn(t *testing.T, page *browser.Page, storage string, cases map[string]apiCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			got, err := page.Eval(ctx, strings.Replace(prelude, "%BODY%", c.body, 1), t.Name(), storage)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestJavaScriptAPI calls what the API has for one page, with a database in IndexedDB and with one in memory.
func TestJavaScriptAPI(t *testing.T) {
	page := apiPage(t)
	t.Run("in IndexedDB", func(t *testing.T) {
		call(t, page, apiCases)
		call(t, page, lastingCases)
	})
	t.Run("in memory", func(t *testing.T) { callIn(t, page, "memory", apiCases) })
}

var apiCases = map[string]apiCase{
	"a record comes back as it was given, with Dates": {
		`const due = new Date('2026-01-02T03:04:05.678Z');
			 const made = await t.insert({ text: 'é🧀', complete: false, due, rank: -0.1, more: { a: [1, null, 'x'] } });
			 const got = await t.get(made.id);
			 return [got.due instanceof Date && +got.due === +due, got.text, got.rank, got.more, Object.keys(got).includes('$')];`,
		`[true,"é🧀",-0.1,{"a":[1,null,"x"]},false]`},
	"the calls of CRUD": {
		`await t.put({ id: '1', text: 'a' }); await t.update({ id: '1', rank: 2 }); await t.insert({ id: '2', text: 'b' });
			 await t.bulkPut([{ id: '3', text: 'c' }, { id: '3', text: 'd' }]); await t.delete('2'); await t.delete('never');
			 return [await t.get('1'), await t.get('2'), await t.getMany(['3', 'x', '1'])].map((v) => v === undefined ? 'undefined' : Array.isArray(v) ? v.map((r) => r?.text ?? null) : Object.entries(v).sort());`,
		`[[["id","1"],["rank",2],["text","a"]],"undefined",["d",null,"a"]]`},
	"queries filter, order, skip, take, count and iterate": {
		`await t.bulkPut(Array.from({ length: 20 }, (_, i) => ({ id: String(i).padStart(2, '0'), text: 'n' + i, complete: i % 2 === 0, rank: 20 - i })));
			 const ids = (rows) => rows.map((r) => r.id).join();
			 const walked = []; for await (const row of t.where({ complete: true }).take(2)) walked.push(row.id);
			 return [ids(await t.where({ complete: false }).orderBy('rank').skip(1).take(3).toArray()), await t.where({ complete: true }).count(),
				ids(await t.filter("rank gt 17").toArray()), (await t.orderByDescending('rank').first()).id, ids(await t.filter("contains(text,'1') and complete").toArray()),
				walked.join(), (await t.take(0).toArray()).length, Object.keys((await t.select('text').first()))];`,
		`["17,15,13",10,"00,01,02","00","10,12,14,16,18","00,02",0,["text"]]`},
	"iteration gives what a list gives, in slices, and meets what is written ahead of it": {
		`await t.bulkPut(Array.from({ length: 1300 }, (_, i) => ({ id: String(i).padStart(4, '0'), text: 't' + i % 7, complete: i % 3 === 0, rank: i % 50, due: new Date(i) })));
			 const queries = [t.where(), t.orderBy('rank'), t.orderByDescending('rank').skip(10).take(900), t.orderBy('text desc', 'rank'), t.where({ complete: true }).orderBy('due'),
				t.where({ rank: { ge: 10 } }).filter("text ne 't3'").orderBy('rank').select('text', 'due'), t.take(0), t.where({ rank: 1000 })];
			 const wrong = [], form = (rows) => JSON.stringify(rows.map((row) => Object.entries(row).sort()));
			 for (const [i, query] of queries.entries()) {
				const walked = []; for await (const row of query) walked.push(row);
				const each = []; await query.each((row) => { each.push(row); });
				const list = form(await query.toArray());
				if (form(walked) !== list || form(each) !== list) wrong.push([i, walked.length, each.length, list.length]);
			 }
			 let n = 0; for await (const row of t.where({ rank: { ge: 0 } }).orderBy('rank')) { if (n++ === 0) await t.put({ id: 'ahead', rank: 49.5 }); if (row.id === 'ahead') wrong.push('met'); }
			 const inside = await db.transaction(['item'], 'readonly', async (tx) => { let m = 0; for await (const row of tx.table('item')) m += row.due instanceof Date || row.id === 'ahead'; return m; });
			 return [wrong, n, inside];`,
		`[["met"],1301,1301]`},
	"bulkPut tells how far it is": {
		`const told = []; const n = await t.bulkPut(Array.from({ length: 1000 }, (_, i) => ({ id: 'b' + i })), { progress: (p) => told.push(p.done + '/' + p.known) });
			 const mine = new RangeError('mine'); let caught;
			 try { await t.bulkPut(Array.from({ length: 1000 }, (_, i) => ({ id: 'c' + i })), { progress: () => { throw mine; } }); } catch (error) { caught = error; }
			 return [n, told.at(-1), told.length > 1, caught === mine, await t.count()];`,
		`[1000,"1000/1000",true,true,1000]`},
	"failures have their codes": {
		`await t.put({ id: '1', text: 'a' });
			 const tx = (fn) => db.transaction(['item'], 'readwrite', fn);
			 return [await code(t.insert({ id: '1' })), await code(t.update({ id: '9' })), await code(t.put({ id: '1', rank: NaN })), await code(t.put({ id: '1', rank: 'x' })),
				await code(t.put({ id: '1', colour: 1 })), await code(t.put(null)), await code(t.put({ id: 'a/b' })), await code(t.put({ text: () => 1 })), await code(t.get(7)),
				await code(t.filter('nonsense (').toArray()), await code(t.filter("colour eq 1").toArray()), await code(() => db.table('nothing')),
				await code(db.push()), await code(db.table('note').bulkPut([{ text: 'x' }, { text: 'x' }])), await code(open('', {})), await code(open('x', { version: 0, tables: {} })),
				await code(tx(async (tx) => tx.table('note').get('1'))), await code(db.transaction(['item'], 'sideways', () => {}))];`,
		`["exists","not-found","invalid","invalid","invalid","invalid","invalid","invalid","invalid","query","query","not-found","invalid","constraint","invalid","invalid","transaction","invalid"]`},
	"a transaction keeps all of it": {
		`const result = await db.transaction(['item', 'note'], 'readwrite', async (tx) => {
				const made = await tx.table('item').insert({ text: 'a' });
				await tx.table('note').put({ id: made.id, text: (await tx.table('item').get(made.id)).text + '!' });
				await Promise.resolve();
				return (await tx.table('note').toArray()).length + await tx.table('item').count();
			 });
			 return [result, (await db.table('note').first()).text];`,
		`[2,"a!"]`},
	"a transaction whose function throws keeps nothing, and throws that": {
		`const mine = new RangeError('mine'); let caught;
			 try { await db.transaction(['item'], 'readwrite', async (tx) => { await tx.table('item').insert({ text: 'a' }); throw mine; }); } catch (e) { caught = e; }
			 return [caught === mine, await t.count()];`,
		`[true,0]`},
	"a failed write inside a transaction can be caught, and the rest kept": {
		`await t.put({ id: '1', text: 'a' });
			 const got = await db.transaction(['item'], 'readwrite', async (tx) => {
				const first = await code(tx.table('item').insert({ id: '1' }));
				await tx.table('item').put({ id: '2', text: 'b' });
				return first;
			 });
			 return [got, await t.count()];`,
		`["exists",2]`},
	"a read transaction cannot write": {
		`return [await code(db.transaction(['item'], 'readonly', async (tx) => { await tx.table('item').put({ id: '1' }); })), await t.count()];`,
		`["transaction",0]`},
	"an abort signal ends a transaction": {
		`const c = new AbortController();
			 const got = await code(db.transaction(['item'], 'readwrite', async (tx) => { await tx.table('item').put({ id: '1' }); c.abort(); await tx.table('item').put({ id: '2' }); }, { signal: c.signal }));
			 return [got, await t.count()];`,
		`["aborted",0]`},
	"1,000 writes at once are all stored": {
		`await Promise.all(Array.from({ length: 1000 }, (_, i) => t.put({ id: 'k' + i, rank: i })));
			 return [await t.count(), (await t.orderByDescending('rank').first()).rank];`,
		`[1000,999]`},
}

// lastingCases are of databases that outlive their handle or have several, and of what only IndexedDB cannot do: in memory a
// transaction waits for its function, whatever that waits for.
var lastingCases = map[string]apiCase{
	"waiting for something else inside a transaction is an error, and keeps nothing": {
		`const got = await code(db.transaction(['item'], 'readwrite', async (tx) => {
				await tx.table('item').insert({ text: 'a' });
				await new Promise((r) => setTimeout(r, 50));
				await tx.table('item').insert({ text: 'b' });
			 }));
			 return [got, await t.count()];`,
		`["transaction",0]`},
	"a live query tells what was added, changed and removed, in this tab and from another connection": {
		`await t.put({ id: '1', text: 'a', complete: false });
			 const told = [];
			 const stop = t.where({ complete: false }).live((rows, change) => told.push([rows.length, change.added.map((r) => r.id), change.changed.map((r) => r.id), change.removed]));
			 await until(() => told.length === 1);
			 await t.put({ id: '2', text: 'b', complete: false }); await until(() => told.length === 2);
			 const other = await open(name, options);
			 await other.table('item').update({ id: '1', text: 'c' }); await until(() => told.length === 3);
			 await other.table('item').update({ id: '2', complete: true }); await until(() => told.length === 4);
			 await other.close();
			 stop();
			 await t.delete('1'); await t.count();
			 return told;`,
		`[[1,["1"],[],[]],[2,["2"],[],[]],[2,[],["1"],[]],[1,[],[],["2"]]]`},
	"a closed database says so, and opens again with what it held": {
		`await t.put({ id: '1', text: 'a' }); await db.close();
			 const got = [await code(t.get('1')), await code(t.put({ id: '2' })), await code(() => db.sync())];
			 const again = await open(name, options); got.push((await again.table('item').get('1')).text); await again.close();
			 return got;`,
		`["closed","closed","invalid","a"]`},
	"a higher version adds a table and an index that has the old rows; a lower one is refused": {
		`await t.bulkPut([{ id: '1', text: 'b', complete: true }, { id: '2', text: 'a' }]); await db.close();
			 const more = { version: 2, tables: { ...options.tables, item: { ...options.tables.item, indexes: ['text', 'complete'] }, extra: { columns: {} } } };
			 const next = await open(name, more);
			 const query = next.table('item').orderBy('text');
			 const got = [(await query.toArray()).map((r) => r.id).join(), await query.take(1).explain(), await next.table('item').where({ complete: null }).count(), await next.table('extra').count()];
			 await next.close();
			 got.push(await code(open(name, options)));
			 return got;`,
		`["2,1","by index text",1,0,"version"]`},
	"destroy leaves nothing": {
		`await t.put({ id: '1' }); await db.close(); await destroy(name);
			 const again = await open(name, options); const n = await again.table('item').count(); await again.close(); return n;`,
		`0`},
}
