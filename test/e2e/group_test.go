package e2e

import (
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// TestParts pulls parts of a table, and pushes atomic transactions, from JavaScript.
func TestParts(t *testing.T) {
	s := newStack(t)
	s.start(t)
	page := visit(t, browser.New(t, browser.Options{}), s.url+"/")
	page.read(new(any), `
		const { open } = await import('/larder.js');
		window.device = (name) => open(name, {
			version: 1,
			tables: { todoitem: { columns: { text: 'string', complete: 'boolean', colour: 'string' } } },
			sync: { url: location.origin },
		});
		window.texts = async (db) => (await db.table('todoitem').filter("startswith(text,'part')").toArray()).map((r) => r.text).sort().join();
		window.one = await device('one'); window.two = await device('two');`)
	for name, c := range map[string]struct{ script, want string }{
		"a pull takes a query, of either form, and refuses one that is more than a filter": {`
			await one.table('todoitem').bulkPut([{ text: 'part open', complete: false }, { text: 'part done', complete: true }]);
			await one.push();
			const told = [];
			await two.pull('todoitem', { query: two.table('todoitem').where({ complete: true }), progress: ({ done }) => told.push(done > 0) });
			const first = await texts(two);
			await two.pull(['todoitem'], { query: { where: { complete: false } } });
			const code = await two.pull('todoitem', { query: two.table('todoitem').take(1) }).catch((error) => error.code);
			return [first, await texts(two), told[0], code].join(' | ');`,
			`part done | part done,part open | true | query`},
		"an atomic transaction is refused whole, and an edit mends it whole": {`
			const ids = await one.transaction(['todoitem'], 'readwrite', async (tx) => {
				const a = await tx.table('todoitem').insert({ text: 'whole a', colour: 'red' });
				const b = await tx.table('todoitem').insert({ text: 'whole b' });
				return [a.id, b.id];
			}, { atomic: true });
			const { quarantined } = await one.push();
			const bad = (await one.pending.toArray()).find((op) => op.recordId === ids[0]);
			await one.pending.edit(bad.id, { text: 'whole a' });
			const result = await one.push();
			return [quarantined.length, result.pushed, await one.pending.count()].join(' | ');`,
			`2 | 2 | 0`},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			if page.read(&got, c.script); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
