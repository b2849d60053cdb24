package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/test/browser"
)

// TestPrincipal has several people sign in on one device, at a server that gives each their own rows.
func TestPrincipal(t *testing.T) {
	const key = "a key of the test's own, which is long enough"
	tables := t.TempDir()
	if err := os.WriteFile(filepath.Join(tables, "todoitem.json"), []byte(
		`{"columns":{"text":"string"},"dynamicSchema":false,"access":"authenticated","perUser":true}`), 0o644); err != nil {
		t.Fatal(err)
	}
	s := newStack(t)
	s.tables, s.args = tables, []string{"--jwt-key", key}
	s.start(t)
	people := map[string]string{}
	for _, sub := range []string{"anna", "ben é😀"} {
		token, err := access.Sign(key, sub, nil, time.Now().Add(-time.Hour), 2*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		people[sub[:3]] = token
	}
	tokens, err := json.Marshal(people)
	if err != nil {
		t.Fatal(err)
	}
	page := browser.New(t, browser.Options{}).Open(t, s.url+"/")
	before := `const tokens = ` + string(tokens) + `;
		let who = 'ann';
		const mine = { version: 1, tables: { todoitem: { columns: { text: 'string' } } }, sync: { url: location.origin, token: async () => tokens[who] } };
		const app = name + '-synced', visit = async (sub) => { who = sub; return open(app, mine); };
		const texts = async (db) => (await db.table('todoitem').orderBy('text').toArray()).map((row) => row.text);
		`
	call(t, page, map[string]apiCase{
		"each sees and pushes their own, in turn; what waits of one goes when they are back": {before + `
			const anna = await visit('ann');
			const owner = anna.status.principal;
			await anna.table('todoitem').insert({ text: 'anna, pushed' });
			await anna.sync();
			await anna.table('todoitem').insert({ text: 'anna, waits' });
			await anna.close();
			const ben = await visit('ben');
			const seen = [await texts(ben), ben.status.pending, ben.name === app + '#ben é😀'];
			await ben.table('todoitem').insert({ text: 'ben' });
			await ben.sync();
			seen.push(await texts(ben));
			await ben.close();
			const back = await visit('ann');
			seen.push(await texts(back), (await back.push()).pushed, back.name === app);
			await back.sync();
			seen.push(await texts(back));
			await back.close();
			const again = await visit('ben');
			seen.push(await texts(again));
			await again.close();
			return [owner, ...seen];`,
			`["anna",[],0,true,["ben"],["anna, pushed","anna, waits"],1,true,["anna, pushed","anna, waits"],["ben"]]`},
		"without what localStorage remembers, each finds their own too": {before + `
			for (const sub of ['ann', 'ben']) {
				const db = await visit(sub);
				await db.table('todoitem').insert({ text: sub + ' again' });
				await db.close();
			}
			localStorage.clear();
			const found = [];
			for (const sub of ['ben', 'ann', 'ben']) {
				const db = await visit(sub);
				found.push((await texts(db)).filter((text) => text.endsWith('again')).join());
				await db.close();
			}
			return found;`,
			`["ben again","ann again","ben again"]`},
		"without a token, as offline may be, it is the last one's": {before + `
			await (await visit('ann')).close();
			const ben = await visit('ben');
			await ben.table('todoitem').insert({ text: 'ben, offline' });
			await ben.close();
			const found = [];
			for (const token of [() => { throw new Error('offline'); }, () => new Promise(() => {}), undefined]) {
				const db = await open(app, { ...mine, sync: { ...mine.sync, token } });
				found.push(await texts(db));
				await db.close();
			}
			return found;`,
			`[["ben, offline"],["ben, offline"],["ben, offline"]]`},
		"another one's token while it is open is told, and closes it": {before + `
			const db = await visit('ann'), told = [];
			db.on('auth', ({ reason }) => told.push(reason.includes('another user')));
			await db.table('todoitem').insert({ text: 'anna waits' });
			who = 'ben';
			const refused = [await code(db.sync()), await code(db.table('todoitem').toArray())];
			const next = await visit('ben'), rows = await texts(next);
			await next.close();
			return [refused, told, rows.includes('anna waits')];`,
			`[["auth","closed"],[true],false]`},
		"to destroy an app's database is to destroy all of them": {before + `
			for (const sub of ['ann', 'ben']) await (await visit(sub)).close();
			await destroy(app);
			const left = (await indexedDB.databases()).filter((db) => db.name.startsWith(app)).length;
			return [left, localStorage.getItem('larder users:' + app), await code(open('a#b', mine))];`,
			`[0,null,"invalid"]`},
	})
}
