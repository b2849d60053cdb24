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
	})
}
