package e2e

import "testing"

func TestDigest(t *testing.T) {
	call(t, apiPage(t), map[string]apiCase{
		"what a disk did to the records is found and healed, and told": {`
			const synced = await open(name + '-synced', { version: 1,
				tables: { todoitem: { columns: { text: 'string', complete: 'boolean' } } }, sync: { url: location.origin } });
			const items = synced.table('todoitem'), heard = [];
			synced.on('digest', (found) => heard.push(found));
			await items.bulkPut(Array.from({ length: 300 }, (_, i) => ({ id: 'digest-' + String(i).padStart(3, '0'), text: 'é😀 ' + i, complete: i % 2 === 0 })));
			await synced.sync();
			const before = await synced.verify('todoitem');
			const raw = await new Promise((done) => { const r = indexedDB.open(synced.name); r.onsuccess = () => done(r.result); });
			const tx = raw.transaction('todoitem', 'readwrite'), store = tx.objectStore('todoitem');
			store.delete('digest-007');
			store.get('digest-100').onsuccess = ({ target }) => store.put({ ...target.result, text: 'silently other' });
			store.put({ id: 'digest-2000', text: 'never there', version: 'x-1' });
			await new Promise((done) => { tx.oncomplete = done; });
			raw.close();
			await items.update({ id: 'digest-200', text: 'mine, not pushed' });
			const found = await synced.verify('todoitem'), after = await synced.verify('todoitem');
			const part = await synced.verify('todoitem', { query: items.where({ complete: true, text: { startswith: 'é' } }) });
			const texts = (await items.getMany(['digest-007', 'digest-100', 'digest-2000', 'digest-200'])).map((row) => row?.text ?? null);
			await synced.close();
			return [before.rows >= 300, before.differing, found.differing, found.healed, after.differing, texts, heard.length, heard[1].healed, part.rows];`,
			`[true,[],["digest-007","digest-100","digest-2000"],3,[],["é😀 7","é😀 100",null,"mine, not pushed"],4,3,150]`},
		"a live database verifies a sample now and then": {`
			const live = await open(name + '-live', { version: 1,
				tables: { todoitem: { columns: { text: 'string', complete: 'boolean' } } }, sync: { url: location.origin, live: true, verify: 1 } });
			const heard = [];
			live.on('digest', (found) => heard.push(found));
			await live.pull('todoitem');
			await until(() => heard.length > 0);
			await live.close();
			return [heard[0].table, heard[0].sampled, heard[0].differing];`,
			`["todoitem",true,[]]`},
		"wrong options are told": {`
			const bad = { version: 1, tables: {}, sync: { url: '', verify: 'often' } };
			return [await code(open(name + '-bad', bad)), await code(db.verify('item')), await code(db.verify('nothing')), await code(db.verify('item', { sample: 1 }))];`,
			`["invalid","invalid","not-found","invalid"]`},
	})
}
