package e2e

import (
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// TestJavaScript holds what larder.d.ts says against the engine where no app of ours would notice.
func TestJavaScript(t *testing.T) {
	s := newStack(t)
	s.start(t)
	page := visit(t, browser.New(t, browser.Options{}), s.url+"/")
	page.read(new(any), `
		const { open } = await import('/larder.js');
		window.db = await open('scratch', {
			version: 1,
			tables: { todoitem: { columns: { text: 'string', complete: 'boolean', added: 'date', colour: 'string' } } },
			sync: { url: location.origin },
		});
		window.items = db.table('todoitem');
		await items.bulkPut([{ id: 'a', text: 'bread', added: '2026-11-21T10:00:00+01:00' }, { id: 'b', text: 'milk' }]);`)

	t.Run("a live query of some columns still tells its rows apart", func(t *testing.T) {
		var got string
		page.read(&got, `
			const calls = [];
			const heard = () => new Promise((resolve) => { window.tell = resolve; });
			let next = heard();
			const stop = items.select('text').orderBy('text').live((rows, change) => {
				calls.push([rows.map((r) => r.text).join(), change.added.length, change.changed.length, change.removed.join()].join(' '));
				tell();
			});
			await next;
			next = heard();
			await items.update({ id: 'b', text: 'oat milk' });
			await next;
			next = heard();
			await items.delete('a');
			await next;
			stop();
			return calls.join('; ');`)
		if want := "bread,milk 2 0 ; bread,oat milk 0 1 ; oat milk 0 0 a"; got != want {
			t.Errorf("the query was told %q, want %q", got, want)
		}
	})
	t.Run("refused operations come with Dates, in the result as in the outbox", func(t *testing.T) {
		var got []any
		page.read(&got, `
			await items.insert({ id: 'c', text: 'plum', added: new Date(0), colour: 'red' }); // a column that the server does not have
			const { quarantined: [refused], pushed } = await db.push();
			const [waiting] = await db.pending.toArray();
			return [pushed, refused.recordId, ...[refused, waiting].flatMap((op) => [op.record.added.getTime(), op.createdAt instanceof Date])];`)
		want := []any{1.0, "c", 0.0, true, 0.0, true}
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("got %v, want %v", got, want)
				break
			}
		}
	})
}
