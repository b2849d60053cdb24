package e2e

import "testing"

// TestLiveQueries follows queries through commits of this tab and of others, which other connections stand for.
func TestLiveQueries(t *testing.T) {
	const follow = `
		const told = [];
		const show = (rows, change) => told.push([rows.map((r) => r.id).join(), change.added.map((r) => r.id).join(), change.changed.map((r) => r.id).join(), change.removed.join()].join('|'));
		const times = async (n) => until(() => told.length >= n);
		const quiet = () => new Promise((r) => setTimeout(r, 60)); // what must not come has had time to come
		await t.bulkPut([{ id: '1', text: 'a', complete: false, rank: 1 }, { id: '2', text: 'b', complete: true, rank: 2 }, { id: '3', text: 'c', complete: false, rank: 3 }]);`
	call(t, apiPage(t), map[string]apiCase{
		"rows are told with what was added, changed and removed": {follow + `
			const stop = t.where({ complete: false }).orderBy('rank').live(show);
			await times(1); await t.put({ id: '4', complete: false, rank: 0 });
			await times(2); await t.update({ id: '3', text: 'C' });
			await times(3); await t.update({ id: '1', complete: true });
			await times(4); stop(); return told;`,
			`["1,3|1,3||","4,1,3|4||","4,1,3||3|","4,3|||1"]`},
		"a commit that cannot change the answer runs nothing": {follow + `
						const stops = [t.filter("complete and rank lt 9").live(show), t.where({ rank: { gt: 100 } }).live(show)];
			await times(2);
			const other = await open(name, options), reads = [];
			for (const [p, m] of [[IDBIndex.prototype, 'getAll'], [IDBObjectStore.prototype, 'getAll'], [IDBIndex.prototype, 'getAllRecords'], [IDBObjectStore.prototype, 'openCursor'], [IDBIndex.prototype, 'openCursor']]) {
				const was = p[m]; if (was) p[m] = function (...args) { reads.push(m); return was.apply(this, args); };
			}
			await t.put({ id: '9', complete: false, rank: 9 }); await other.table('item').put({ id: '8', complete: false, rank: 50 }); await quiet();
			const idle = reads.length;
			await other.table('item').put({ id: '7', complete: true, rank: 7 }); await times(3);
			await other.close(); for (const stop of stops) stop();
			return [idle, reads.length > 0, told[2]];`,
			`[0,true,"2,7|7||"]`},
		"a burst of commits is told in few calls, and the last state is right": {follow + `
			const stop = t.live(show); await times(1);
			await Promise.all(Array.from({ length: 200 }, (_, i) => t.put({ id: 'x' + i })));
			await until(() => told.at(-1).split('|')[0].split(',').length === 203);
			stop(); return told.length < 40;`,
			`true`},
		"two tabs that write lose nothing, and both see all": {follow + `
			const other = await open(name, options);
			const seen = [new Set(), new Set()];
			const stops = [db, other].map((d, i) => d.table('item').filter("startswith(text,'n')").live((rows, change) => { for (const r of change.added) seen[i].add(r.id); }));
			const write = async (d, from) => { for (let i = 0; i < 150; i++) await d.table('item').put({ id: from + i, text: 'n' }); };
			await Promise.all([write(db, 'a'), write(other, 'b')]);
			await until(() => seen.every((s) => s.size === 300));
			for (const stop of stops) stop(); await other.close();
			return await t.where({ text: 'n' }).count();`,
			`300`},
		"nothing is told after stop, and the app may stop in its own call": {follow + `
			let calls = 0;
			const stop = t.live(() => { calls++; stop(); });
			await until(() => calls === 1);
			await t.put({ id: '5' }); await quiet();
			const late = t.live(show); late(); await quiet();
			return [calls, told];`,
			`[1,[]]`},
		"a row that the app has changed in place is still told when it is stored": {follow + `
			let latest; const stop = t.where({ id: '1' }).live((rows, change) => { latest = rows[0]; show(rows, change); });
			await times(1); latest.text = 'mine'; await t.put(latest);
			await times(2); stop(); return [told[1], latest.text];`,
			`["1||1|","mine"]`},
		"skipped rows count": {follow + `
			const stop = t.where({ complete: false }).orderBy('rank').skip(1).live(show);
			await times(1); await t.update({ id: '1', complete: true });
			await times(2); stop(); return told;`,
			`["3|3||","|||3"]`},
		"dates are Dates, and rows of one call are the app's own": {follow + `
			const due = new Date('2026-01-02T03:04:05.678Z'), seen = [];
			await t.update({ id: '1', due, more: { a: [1] } });
			const stop = t.where({ id: '1' }).live((rows) => { seen.push(rows[0].due instanceof Date && +rows[0].due === +due, rows[0].more.a.length); rows[0].more.a.push(2); });
			await until(() => seen.length === 2); await t.update({ id: '1', text: 'z' }); await until(() => seen.length === 4);
			stop(); return seen;`,
			`[true,1,true,1]`},
		"a query that fails tells the one who asked, once": {follow + `
			const errors = [];
			t.filter('colour eq 1').live(show, (error) => errors.push(error.code));
			t.take(-1).live(show, (error) => errors.push(error.code));
			await until(() => errors.length === 2); await t.put({ id: '5' }); await quiet();
			return [errors.sort(), told];`,
			`[["invalid","query"],[]]`},
		"an app's failure is reported, and the query goes on": {follow + `
			const reported = []; const hear = (event) => { event.preventDefault(); reported.push(event.error.message); };
			addEventListener('error', hear);
			let calls = 0; const stop = t.live(() => { if (++calls === 1) throw new Error('mine'); });
			await until(() => calls === 1); await t.put({ id: '5' }); await until(() => calls === 2);
			stop(); removeEventListener('error', hear); return reported;`,
			`["mine"]`},
		"a change of thousands is told right": {follow + `
			const stop = t.filter("rank ge 10").live((rows, change) => told.push([rows.length, change.added.length, change.changed.length, change.removed.length]));
			await times(1); await t.bulkPut(Array.from({ length: 2000 }, (_, i) => ({ id: 'm' + i, rank: 10 + i })));
			await until(() => told.at(-1)[0] === 2000); await t.bulkPut(Array.from({ length: 2000 }, (_, i) => ({ id: 'm' + i, rank: i < 500 ? 0 : 10 + i })));
			await until(() => told.at(-1)[0] === 1500); stop(); return told;`,
			`[[0,0,0,0],[2000,2000,0,0],[1500,0,0,500]]`},
	})
}
