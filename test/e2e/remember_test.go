package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// TestRemembered opens a database that an earlier visit has left, in pages of their own. The engine is kept away from some
// of them, so that what is answered cannot be its doing.
func TestRemembered(t *testing.T) {
	s := newStack(t)
	s.start(t)
	b := browser.New(t, browser.Options{})
	// A page is given `open` and `code`, the schema, and `engine`, which counts how often the engine is asked for and can
	// keep it away: engine.away = true.
	const prelude = `
		if (!globalThis.engine) {
			globalThis.engine = { asked: 0, away: false };
			const real = fetch;
			globalThis.fetch = (url, ...rest) => {
				if (!String(url).includes('larder.wasm')) return real(url, ...rest);
				engine.asked++;
				return engine.away ? Promise.reject(new TypeError('away')) : real(url, ...rest);
			};
		}
		const { open, LarderError } = await import('/larder.js');
		const code = async (promise) => { try { await promise; return 'no error'; } catch (error) { return error instanceof LarderError ? error.code : String(error); } };
		const until = async (fn) => { while (!(await fn())) await new Promise((r) => setTimeout(r, 5)); };
		const schema = { version: 1, tables: { item: { columns: { text: 'string', due: 'date', rank: 'number' }, indexes: ['rank'] } } };
		const query = (db) => db.table('item').where({ rank: { ge: 3 } }).filter("contains(text,'n')").orderByDescending('rank').take(2);
		const ids = (rows) => rows.map((r) => r.id).join();
	`
	visit := func(t *testing.T, want, body string) {
		t.Helper()
		page := b.Open(t, s.url+"/")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err := page.Eval(ctx, prelude+body)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if err := page.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	earlier := func(t *testing.T) {
		t.Helper()
		visit(t, `["5,4",1]`, `
			for (const { name } of await indexedDB.databases()) await new Promise((done) => { indexedDB.deleteDatabase(name).onsuccess = done; });
			const db = await open('kept', schema);
			await db.table('item').bulkPut([1, 2, 3, 4, 5].map((rank) => ({ id: String(rank), text: 'n' + rank, rank, due: new Date(rank) })));
			const rows = await query(db).toArray(); await db.table('item').count(); await db.close();
			return [ids(rows), engine.asked];`)
	}

	earlier(t)
	t.Run("rows, counts and records come without the engine, the same as with it", func(t *testing.T) {
		visit(t, `["5,4",4,5,"n2",0,"5,4",5,true]`, `
			engine.away = true;
			const db = await open('kept', schema);
			const rows = await query(db).toArray();
			const got = [ids(rows), +rows[1].due, await db.table('item').count(), (await db.table('item').get('2')).text, engine.asked];
			engine.away = false;
			await db.table('item').put({ id: '6', text: 'x', rank: 6 }); // this waits for the engine
			const later = await query(db).toArray();
			await db.table('item').delete('6');
			got.push(ids(later), await db.table('item').count(), engine.asked > 0);
			await db.close(); return got;`)
	})
	t.Run("queries that differ from earlier ones in values only need no engine, and those that contradict themselves do", func(t *testing.T) {
		const asked = `
			const ranks = (db, low, high) => db.table('item').where({ rank: { gt: low, le: high } }).orderByDescending('rank');
			const named = (db, text, n) => db.table('item').filter("text eq '" + text + "' and rank lt " + n).skip(n > 9 ? 0 : 1).take(2);
			const due = (db, at) => db.table('item').where({ due: { ge: at } });
			const walk = async (query) => { const rows = []; for await (const row of query) rows.push(row); return ids(rows); };`
		visit(t, `["2,1","1","","5,4,3,2,1"]`, asked+`
			const db = await open('kept', schema);
			const got = [ids(await ranks(db, 0, 2).toArray()), ids(await named(db, 'n1', 10).toArray()), ids(await due(db, new Date(9)).toArray()), await walk(ranks(db, -1, 99))];
			await db.close(); return got;`)
		visit(t, `["4,3","5","3","","3,4,5","4,3,2","engine","query",0]`, asked+`
			engine.away = true;
			const db = await open('kept', schema);
			const got = [ids(await ranks(db, 2, 4).toArray()), ids(await ranks(db, 4.5, 1e9).toArray()), ids(await named(db, 'n3', 12).toArray()),
				ids(await named(db, "it''s", 7).toArray()), ids(await due(db, new Date(3)).toArray()), await walk(ranks(db, 1, 4))];
			const before = engine.asked;
			got.push(await code(ranks(db, 4, 2).toArray()));
			engine.away = false;
			got.push(await code(db.table('item').where({ due: { ge: 'soon' } }).toArray()), before);
			if (ids(await ranks(db, 4, 2).toArray()) !== '' || ids(await ranks(db, 2, 2).toArray()) !== '') got.push('rows between ends that are none');
			await db.close(); return got;`)
	})
	t.Run("what needs the engine is rejected while it cannot start, and works when it can", func(t *testing.T) {
		visit(t, `["engine","engine","engine","5,4","engine","no error",6]`, `
			engine.away = true;
			const db = await open('kept', schema), failures = [];
			db.on('storage', ({ error }) => failures.push(error.code));
			const t = db.table('item'), got = [await code(t.put({ id: '6' })), await code(t.where({ rank: Math.random() }).toArray()),
				await code(db.transaction(['item'], 'readonly', () => {})), ids(await query(db).toArray())];
			await until(() => failures.length); got.push(failures[0]); // the one that starts by itself is told
			engine.away = false;
			got.push(await code(t.put({ id: '6' })), await t.count());
			await t.delete('6'); await db.close(); return got;`)
	})
	t.Run("a live query begins without the engine and goes on with it", func(t *testing.T) {
		visit(t, `["5,4",0,"7,5"]`, `
			engine.away = true;
			const db = await open('kept', schema), told = [], asked = [];
			const stop = query(db).live((rows) => { told.push(ids(rows)); asked.push(engine.asked); });
			await until(() => told.length === 1);
			engine.away = false;
			await db.table('item').put({ id: '7', text: 'n', rank: 7 }); await until(() => told.length === 2);
			stop(); await db.table('item').delete('7'); await db.close();
			return [told[0], asked[0], told[1]];`)
	})
	t.Run("there is one connection when the engine has come, and none after close", func(t *testing.T) {
		visit(t, `[1,1,true]`, `
			const open_ = IDBFactory.prototype.open, opened = new Set();
			IDBFactory.prototype.open = function (...args) {
				const request = open_.apply(this, args);
				request.addEventListener('success', () => { const db = request.result, close = db.close; opened.add(db); db.close = () => { opened.delete(db); close.call(db); }; });
				return request;
			};
			const db = await open('kept', schema); await query(db).toArray(); const before = opened.size;
			await db.transaction(['item'], 'readonly', () => {}); const after = opened.size;
			await db.close();
			const gone = await new Promise((done) => { const r = indexedDB.deleteDatabase('kept'); r.onsuccess = () => done(true); r.onblocked = () => done(false); });
			return [before, after, gone];`)
		earlier(t)
	})
	t.Run("a database can be closed before the engine has come", func(t *testing.T) {
		visit(t, `["5,4","closed","closed",true]`, `
			const db = await open('kept', schema);
			const rows = ids(await query(db).toArray()), writing = code(db.table('item').put({ id: '8' }));
			await db.close();
			const got = [rows, await writing, await code(query(db).toArray())];
			const again = indexedDB.deleteDatabase('kept');
			return [...got, await new Promise((done) => { again.onsuccess = () => done(true); again.onblocked = () => done(false); })];`)
		earlier(t)
	})
	t.Run("another schema at the same version, and a higher one, are the engine's to open", func(t *testing.T) {
		visit(t, `["engine","engine","5,4",["index text"]]`, `
			engine.away = true;
			const other = { version: 1, tables: { item: { ...schema.tables.item, dynamic: true } } };
			const higher = { version: 2, tables: { item: { ...schema.tables.item, indexes: ['rank', 'text'] } } };
			const got = [await code(open('kept', other)), await code(open('kept', higher))];
			engine.away = false;
			const db = await open('kept', higher);
			got.push(ids(await query(db).toArray()), (await db.table('item').where({ text: 'n3' }).explain()).match(/index text/));
			await db.close(); return got;`)
		earlier(t)
	})
	t.Run("another tab's upgrade goes through a page that has not started its engine", func(t *testing.T) {
		old, next := b.Open(t, s.url+"/"), b.Open(t, s.url+"/")
		got, err := old.Eval(t.Context(), prelude+`engine.away = true; globalThis.kept = await open('kept', schema); return ids(await query(kept).toArray());`)
		if err != nil || string(got) != `"5,4"` {
			t.Fatalf("%s, %v", got, err)
		}
		got, err = next.Eval(t.Context(), prelude+`
			const db = await open('kept', { ...schema, version: 2, timeout: 5000 });
			const rows = ids(await query(db).toArray()); await db.close(); return rows;`)
		if err != nil || string(got) != `"5,4"` {
			t.Errorf("the upgrade: %s, %v", got, err)
		}
		got, err = old.Eval(t.Context(), prelude+`engine.away = false; return [await code(query(kept).toArray()), await code(kept.table('item').put({ id: '9' }))];`)
		if err != nil || string(got) != `["version","version"]` {
			t.Errorf("the older page: %s, %v", got, err)
		}
		for _, page := range []*browser.Page{old, next} {
			if err := page.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		earlier(t)
	})
	t.Run("what was kept by a version that we do not know is of no use", func(t *testing.T) {
		visit(t, `["engine","5,4"]`, `
			await new Promise((done) => {
				indexedDB.open('kept').onsuccess = ({ target: { result: db } }) => {
					const tx = db.transaction('$meta', 'readwrite'), meta = tx.objectStore('$meta');
					meta.get('plans').onsuccess = ({ target: { result } }) => meta.put({ ...result, key: 'plans', format: -1, plans: [['item {}', 'nonsense']] });
					tx.oncomplete = () => { db.close(); done(); };
				};
			});
			engine.away = true; const got = [await code(open('kept', schema))];
			engine.away = false; const db = await open('kept', schema);
			got.push(ids(await query(db).toArray())); await db.close(); return got;`)
	})
	t.Run("a look at a database that is not there leaves none", func(t *testing.T) {
		visit(t, `["engine",["kept"]]`, `
			engine.away = true; const got = await code(open('never', schema));
			return [got, (await indexedDB.databases()).map((d) => d.name)];`)
	})
}
