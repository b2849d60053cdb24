package e2e

import "testing"

// TestWrites writes by every way that a record can take: as a program that the engine makes at once, by the engine's own
// transaction, and slice by slice.
func TestWrites(t *testing.T) {
	call(t, apiPage(t), map[string]apiCase{
		"a bulk write of many slices is all or nothing": {
			`const many = Array.from({ length: 1000 }, (_, i) => ({ id: 'n' + i, text: 'x' }));
			 many[700] = { id: 'n700', text: 7 };
			 const refused = await code(t.bulkPut(many));
			 many[700] = { id: 'n700', more: { at: NaN } };
			 const before = await t.count(), message = await t.bulkPut(many).catch((error) => error.message);
			 many[700] = { id: 'n700', text: 'y' };
			 return [refused, before, message.includes('record 700'), await t.count(), await t.bulkPut(many), await t.count(), (await t.get('n700')).text];`,
			`["invalid",0,true,0,1000,1000,"y"]`},
		"of several records with one id the last wins, however far apart": {
			`await t.bulkPut(Array.from({ length: 1500 }, (_, i) => ({ id: 'n' + i % 600, rank: i })));
			 return [await t.count(), (await t.get('n0')).rank, (await t.get('n299')).rank, (await t.get('n300')).rank];`,
			`[600,1200,1499,900]`},
		"slices of large and of strange texts arrive whole": {
			`const text = '\u0001"\\ \n é🧀\u2028'.repeat(500);
			 await t.bulkPut(Array.from({ length: 300 }, (_, i) => ({ id: 'n' + i, text: text + i, more: { text } })));
			 const rows = await t.toArray();
			 return [rows.length, rows.every(({ id, text: got, more }) => got === text + id.slice(1) && more.text === text)];`,
			`[300,true]`},
		"records that are not changed and those that are go in together": {
			`await t.bulkPut([{ id: '1', due: '2026-01-02' }, { id: '2', due: new Date(5) }, { id: '3', version: 'v', updatedAt: 'never' }, { id: '4', rank: -0 }, { text: 'made' }]);
			 const rows = await t.toArray();
			 return [rows.length, +(await t.get('1')).due, +(await t.get('2')).due, Object.keys(await t.get('3')), Object.is((await t.get('4')).rank, 0)];`,
			`[5,1767312000000,5,["id"],true]`},
		"writes of all kinds at once are kept in the order in which they were called": {
			`const calls = [];
			 for (let i = 0; i < 30; i++) {
				calls.push(t.put({ id: 'p', rank: i }), t.insert({ text: 'made' }), t.update({ id: 'p', text: 't' + i }), t.delete('gone'), t.bulkPut([{ id: 'b', rank: i }]));
			 }
			 await Promise.all(calls);
			 return [await t.count(), await t.get('p'), await t.get('b')];`,
			`[32,{"id":"p","rank":29,"text":"t29"},{"id":"b","rank":29}]`},
		"the outbox has what was written, joined where nothing was sent": {
			`const other = await open('outbox', { version: 1, tables: { note: { columns: { text: 'string' } } }, sync: { url: location.origin } });
			 const notes = other.table('note'), made = await notes.insert({ text: 'a' });
			 await notes.update({ id: made.id, text: 'b' });
			 await notes.insert({ id: 'x', text: 'c' });
			 await notes.bulkPut([{ id: 'y', text: 'd' }, { id: 'x', text: 'e' }]);
			 await notes.delete('y');
			 const exists = await code(notes.insert({ id: made.id })), waiting = await other.pending.toArray();
			 await other.close();
			 return [exists, waiting.map(({ action, state, record, base, recordId }) => [action, state, recordId === made.id ? 'made' : recordId, record.text, base])];`,
			`["exists",[["insert","waiting","made","b",null],["insert","waiting","x","e",null]]]`},
		"a record goes past the engine where that stores what the engine would, and nowhere else": {
			`const columns = { string: 'string', number: 'number', integer: 'integer', boolean: 'boolean', date: 'date', json: 'json' };
			 const other = await open('short', { version: 1, tables: { note: { columns, indexes: ['date'] } }, sync: { url: location.origin } });
			 const notes = other.table('note');
			 await notes.insert({}); // the first asks the engine how

			 let entered = 0, short;
			 const resume = Go.prototype._resume, transaction = IDBDatabase.prototype.transaction;
			 Go.prototype._resume = function () { entered++; return resume.call(this); };
			 IDBDatabase.prototype.transaction = function (...args) { short = entered === 0; return transaction.apply(this, args); };
			 const outcome = async (record, options) => {
				entered = 0, short = false;
				const promise = notes.insert(record, options), past = short;
				try {
					const { id, ...rest } = await promise;
					return [past, rest, await notes.get(id), id];
				} catch (error) {
					return [past, error.code, error.message.replace(/[0-9a-f-]{36}/, 'ID')];
				}
			 };
			 const asked = { signal: new AbortController().signal }; // of a call that may be aborted the engine makes a transaction of its own
			 const sorted = (v) => JSON.stringify(v, (_, v) => (v && v.constructor === Object ? Object.fromEntries(Object.entries(v).sort()) : v));
			 const bare = (v, id) => sorted(v).replaceAll(id, 'ID').replace(/"(createdAt|id)":"[^"]*"|"seq":\d+/g, '');
			 const wrong = [], count = {};
			 const compare = async (name, make) => {
				const a = await outcome(make()), b = await outcome(make(), asked);
				if (a[0]) count[name] = (count[name] ?? 0) + 1;
				if (b[0] || bare(a.slice(1), a[3]) !== bare(b.slice(1), b[3])) wrong.push([name, make(), a, b]);
				if (!a[3] || !b[3]) return;
				const waiting = await other.pending.toArray();
				const [x, y] = [a[3], b[3]].map((id) => bare(waiting.find(({ recordId }) => recordId === id), id));
				if (x !== y) wrong.push([name, make(), x, y]);
			 };
			 const values = ['', 'a', 'é🧀', 'a"\\\n\u2028', 'a\0b', '\ud800', '2026-01-02', '2026-01-02T03:04:05.678Z', '2026-02-30T00:00:00.000Z', '2026-01-02T24:00:00.000Z',
				'0000-01-01T00:00:00.000Z', '2026-01-02t03:04:05.678Z', '+02026-01-02T03:04:05Z', new Date(5), new Date(-1e14), new Date(NaN), 0, -0, 1, -1, 1.5, 2 ** 53 - 1, 2 ** 53, -(2 ** 53),
				1e300, 1e21, 5e-324, NaN, true, false, null, undefined, [], [1, [null]], {}, { a: [{}] }];
			 for (const column of [...Object.keys(columns), 'id', 'version', 'createdAt', 'deleted', 'unknown', '__proto__', '$']) {
				for (const value of values) {
					if (column === 'id' && value && typeof JSON.parse(JSON.stringify(value)) === 'string') continue; // it would be there the second time
					await compare(column, () => Object.fromEntries([[column, value]]));
				}
			 }
			 await compare('several', () => ({ string: 'a', date: new Date(5), number: 1.5, boolean: null, json: undefined }));
			 await compare('bare', () => Object.assign(Object.create(null), { string: 'a' }));
			 await compare('toJSON', () => ({ string: 'a', toJSON() { return { string: 'b' }; } }));
			 await compare('class', () => new (class { string = 'a'; get date() { return 5; } })());
			 await other.close();
			 return [wrong, count];`,
			`[[],{"string":15,"number":9,"integer":7,"boolean":4,"date":5,"json":2,"id":2,"version":1,"createdAt":1,"deleted":1,"unknown":1,"$":1,"several":1,"bare":1,"class":1}]`},
		"an update goes past the engine where that stores what the engine would, and nowhere else": {
			`const columns = { string: 'string', number: 'number', date: 'date', json: 'json' };
			 const other = await open('merge', { version: 1, tables: { note: { columns, indexes: ['date'] } }, sync: { url: location.origin } });
			 const notes = other.table('note'), asked = { signal: new AbortController().signal };
			 const raw = await new Promise((done) => { indexedDB.open('merge').onsuccess = ({ target }) => done(target.result); });
			 const within = (fn) => new Promise((done) => {
				const tx = raw.transaction(['note', '$outbox', '$meta'], 'readwrite'), outbox = tx.objectStore('$outbox');
				let out;
				tx.oncomplete = () => done(out);
				fn(tx.objectStore('note'), (id, found) => { outbox.index('record').getAll(['note', id]).onsuccess = ({ target }) => { out = found(target.result, outbox); }; });
			 });
			 const fresh = (id) => notes.insert({ id, string: 'a', number: 1 }, asked);
			 const served = (id) => within((note) => { note.put({ version: '1', string: 'a', number: 1, id, $: { date: -Infinity } }); });
			 const marked = (part) => async (id) => {
				await fresh(id);
				await within((_, found) => found(id, ([op], outbox) => { outbox.put({ ...op, ...part }); }));
			 };
			 const situations = {
				fresh, served, none: () => {},
				changed: async (id) => { await served(id); await notes.update({ id, string: 'b' }, asked); },
				deleted: async (id) => { await served(id); await notes.delete(id); },
				alone: async (id) => { await fresh(id); await within((_, found) => found(id, ([{ seq }], outbox) => { outbox.delete(seq); })); },
				sent: marked({ state: 'sending' }), refused: marked({ state: 'quarantined', quarantined: 1 }), old: marked({ schema: 0 }),
				grouped: marked({ groups: ['g'] }), tried: marked({ attempts: 1 }), stranger: marked({ principal: 'somebody' }),
				known: marked({ server: { id: 's', version: '2', string: 'z' } }),
				both: async (id) => { await marked({ state: 'sending' })(id); await notes.update({ id, string: 'b' }, asked); },
				flying: async (id) => {
					await fresh(id);
					await within((_, found) => found(id, ([{ seq }], outbox) => { outbox.transaction.objectStore('$meta').put({ key: 'flight', from: seq, to: seq }); }));
				},
			 };
			 const changes = [{ string: 'c' }, { string: 'a' }, { string: null }, { number: 1 }, { number: 2 }, {}, { date: new Date(5) }, { date: '2026-01-02' }, { string: undefined },
				{ json: { a: [1] } }, { json: null }, { version: '1', string: 'd' }, { version: '0' }, { unknown: 1 }, { string: 5 }, { createdAt: null }];
			 const sorted = (v) => JSON.stringify(v, (_, v) => (v && v.constructor === Object ? Object.fromEntries(Object.entries(v).sort()) : v));
			 const wrong = [], past = {};
			 let n = 0;
			 for (const [situation, make] of Object.entries(situations)) {
				for (const change of changes) {
					const outcomes = [];
					for (const options of [undefined, asked]) {
						const id = 'n' + ++n + 'x';
						await make(id);
						const turn = (note) => { note.get(id).onsuccess = ({ target: { result } }) => { if (result) note.put(Object.fromEntries(Object.entries(result).sort().reverse())); }; };
						await within(turn); // the engine puts rows with their columns in order
						const told = await notes.update({ id, ...change }, options).catch(({ code, message }) => [code, message]);
						const row = await new Promise((done) => { raw.transaction('note').objectStore('note').get(id).onsuccess = ({ target }) => done(target.result); });
						const operations = await within((_, found) => found(id, (list) => list));
						const keys = Object.keys(row ?? {}).join();
						if (!options && row && !Array.isArray(told) && keys !== Object.keys(row).sort((a, b) => (a === '$') - (b === '$') || (a < b ? -1 : 1)).join()) past[situation] = (past[situation] ?? 0) + 1;
						outcomes.push(sorted([told, row, operations]).replaceAll(id, 'ID').replace(/"(createdAt|id)":"[^"]*"|"seq":\d+/g, ''));
					}
					if (outcomes[0] !== outcomes[1]) wrong.push([situation, change, ...outcomes]);
				}
			 }
			 raw.close();
			 await other.close();
			 return [wrong, past];`,
			`[[],{"fresh":9,"served":9,"changed":4}]`},
	})
}
