package e2e

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

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
		"nothing is told after a stop in the middle of a run": {follow + `
			const stop = t.live(show); await times(1);
			let reads = 0; const getAll = IDBObjectStore.prototype.getAll;
			IDBObjectStore.prototype.getAll = function (...args) { reads++; stop(); return getAll.apply(this, args); };
			try { await t.put({ id: '5' }); await until(() => reads); await quiet(); } finally { IDBObjectStore.prototype.getAll = getAll; }
			return [reads, told.length];`,
			`[1,1]`},
		"what is committed while a query is read is told by the next run": {follow + `
			const other = await open(name, options), stop = t.live(show); await times(1);
			let written; const getAll = IDBObjectStore.prototype.getAll;
			IDBObjectStore.prototype.getAll = function (...args) { written ??= other.table('item').put({ id: '6' }); return getAll.apply(this, args); };
			try { await t.put({ id: '5' }); await until(() => told.at(-1).startsWith('1,2,3,5,6')); await written; } finally { IDBObjectStore.prototype.getAll = getAll; }
			stop(); await other.close(); return told.slice(1).map((call) => call.split('|')[1]).join();`,
			`"5,6"`},
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

// TestTelling follows what one tab tells the others of its commits, with the time of its messages in the test's hands.
func TestTelling(t *testing.T) {
	const held = `
		const held = []; // what waits for the time of the next message
		const setTimer = window.setTimeout;
		window.setTimeout = (fn, ms, ...args) => (ms === 50 ? -held.push(fn) : setTimer(fn, ms, ...args));`
	const hear = held + `
		window.heard = [];
		const channel = new BroadcastChannel('larder:' + arguments[0] + ':changes');
		channel.onmessage = ({ data }) => heard.push(data.changes.map(({ store, ids }) => store + ' ' + (ids?.join() ?? 'many')).join(' and '));
		const { open } = await import('/larder.js');
		const db = await open(arguments[0], { version: 1, tables: { item: {}, note: {} } });
		const item = db.table('item'), note = db.table('note');
		const until = async (n) => { while (heard.length < n) await new Promise((r) => setTimer(r, 5)); };`
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		s := newStack(t)
		s.start(t)
		b := browser.New(t, browser.Options{Engine: engine})
		for _, c := range []struct{ name, body, want string }{
			{"the first commit is told at once, and those that follow by one message", `
				for (let i = 0; i < 50; i++) await (i % 2 ? note : item).put({ id: 'r' + i });
				held.shift()(); await until(2);
				await item.put({ id: 'later' }); await until(3);`,
				`["item r0","note ` + every(1, 50) + ` and item ` + every(2, 50) + `","item later"]`},
			{"more than can be named are told as many", `
				await item.put({ id: 'a' }); await item.bulkPut(Array.from({ length: 150 }, (_, i) => ({ id: 'b' + i })));
				await item.bulkPut(Array.from({ length: 150 }, (_, i) => ({ id: 'c' + i }))); await item.put({ id: 'd' });
				held.shift()(); await until(2);`, `["item a","item many"]`},
			{"a hidden page, whose timers are late, tells each commit at once", `
				Object.defineProperty(document, 'hidden', { get: () => true });
				for (let i = 0; i < 3; i++) await item.put({ id: 'r' + i });
				await until(3);`, `["item r0","item r1","item r2"]`},
			{"a page that is closed tells what it has not told", `
				for (let i = 0; i < 3; i++) await item.put({ id: 'r' + i });
				await db.close(); await until(2);`, `["item r0","item r1,r2"]`},
		} {
			t.Run(c.name, func(t *testing.T) {
				page := b.Open(t, s.url+plain)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				got, err := page.Eval(ctx, hear+c.body+`await db.close(); channel.close(); return heard;`, t.Name())
				if err != nil || string(got) != c.want {
					t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
				}
			})
		}
		t.Run("a page that is left tells what it has not told", func(t *testing.T) {
			stays := openTab(t, b, s.url, t.Name(), "")
			stays.read(new(any), `window.seen = 0; items.where({ rank: 2 }).live((rows) => { seen = rows.length; });`)
			stays.wait(`return (await items.count()) === 0;`)
			leaves := openTab(t, b, s.url, t.Name(), held)
			leaves.read(new(any), `await items.put({ id: '1', rank: 1 }); await items.put({ id: '2', rank: 2 });`)
			if err := leaves.Navigate(leaves.ctx, s.url+"/larder.js"); err != nil {
				t.Fatal(err)
			}
			stays.wait(`return seen === 1;`)
		})
	})
}

// every names each second row from one on.
func every(from, to int) string {
	var list []string
	for i := from; i < to; i += 2 {
		list = append(list, "r"+strconv.Itoa(i))
	}
	return strings.Join(list, ",")
}
