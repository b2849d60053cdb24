package e2e

import (
	"path/filepath"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// TestRestore takes a server back to a backup: what it has lost is there again when those who have it sync.
func TestRestore(t *testing.T) {
	s := newStack(t)
	s.start(t)
	saved := filepath.Join(t.TempDir(), "saved.db")
	device := func() *user {
		page := visit(t, browser.New(t, browser.Options{}), s.url+plain)
		page.read(new(any), `
			const { open } = await import('/larder.js');
			window.db = await open('app', { version: 1, tables: { todoitem: { columns: { text: 'string', complete: 'boolean' } } },
				sync: { url: location.origin } });
			window.todo = db.table('todoitem');
			window.heard = [];
			window.course = undefined;
			db.on('epoch', async ({ reason, tables }) => { heard.push([reason, ...tables].join(' ')); return course; });
			window.texts = async () => (await todo.filter("startswith(text,'restore')").toArray()).map((r) => r.id + ' ' + r.text).sort().join();
			window.synced = () => db.sync({ timeout: 20000 }).then(() => 'done', (error) => error.code);`)
		return page
	}
	is := func(p *user, what, body, want string) {
		t.Helper()
		var got string
		if p.read(&got, body); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	again := func() {
		t.Helper()
		s.stop(t)
		s.larder(t, "restore", saved, "--db", s.db, "--force")
		s.start(t)
	}

	one := device()
	one.read(new(any), `
		await todo.bulkPut([{ id: 'a', text: 'restore kept' }, { id: 'b', text: 'restore old' }, { id: 'c', text: 'restore deleted' }]);
		await db.sync();`)
	s.larder(t, "backup", saved, "--db", s.db)
	one.read(new(any), `
		await todo.insert({ id: 'd', text: 'restore added' });
		await todo.update({ id: 'b', text: 'restore new' });
		await todo.delete('c');
		await db.sync();
		await todo.update({ id: 'a', text: 'restore waiting' });`)
	two := device()
	two.read(new(any), `await db.sync();`)
	again()
	const whole = "a restore waiting,b restore new,d restore added"
	const sync = `return [await synced(), await texts(), db.status.pending, heard.join()].join('|');`
	// What was deleted is back until the device comes that has deleted it.
	is(two, "the second device", sync, "done|a restore kept,b restore new,c restore deleted,d restore added|0|restored todoitem")
	is(one, "the first", sync, "done|"+whole+"|0|restored todoitem")
	is(two, "the second again", sync, "done|"+whole+"|0|restored todoitem")
	is(device(), "a third", sync, "done|"+whole+"|0|")

	t.Run("the app can decide otherwise, later", func(t *testing.T) {
		again()
		one.read(new(any), `heard.length = 0; course = 'keep';`)
		is(one, "what is kept", sync, "epoch|"+whole+"|0|restored todoitem")
		is(one, "a wrong answer", `course = 'whatever'; return synced();`, "invalid")
		one.read(new(any), `heard.length = 0; course = 'server';`)
		is(one, "the server's", sync, "done|a restore kept,b restore old,c restore deleted|0|restored todoitem")
	})
	t.Run("nothing goes to another server before the app says so", func(t *testing.T) {
		s.stop(t)
		s.db = "sqlite:" + filepath.Join(t.TempDir(), "other.db")
		s.start(t)
		device().read(new(any), `await todo.insert({ id: 'x', text: 'restore theirs' }); await db.sync();`)
		two.read(new(any), `heard.length = 0; await todo.insert({ id: 'e', text: 'restore mine' });`)
		is(two, "undecided", sync, "epoch|"+whole+",e restore mine|1|replaced todoitem")
		is(device(), "a third", sync, "done|x restore theirs|0|")
		two.read(new(any), `heard.length = 0; course = 'offer';`)
		is(two, "offered", sync, "done|"+whole+",e restore mine,x restore theirs|0|replaced todoitem")
	})
}
