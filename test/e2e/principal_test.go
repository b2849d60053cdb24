package e2e

import "testing"

// TestPrincipal signs people in by tokens that the server, which trusts nobody, does not look at: what keeps them apart here is
// the engine.
func TestPrincipal(t *testing.T) {
	call(t, apiPage(t), map[string]apiCase{
		"a database is its first user's: another one's token is told, and closes it": {`
			const token = (sub) => ['{}', JSON.stringify({ sub }), 'x'].map((s) => btoa(s).replace(/=/g, '')).join('.');
			let who = 'anna';
			const mine = { version: 1, tables: { todoitem: { columns: { text: 'string', complete: 'boolean' } } }, sync: { url: '', token: () => token(who) } };
			const first = await open(name + '-synced', mine);
			const before = first.status.principal;
			await first.sync();
			const after = first.status.principal;
			await first.table('todoitem').insert({ id: 'waits', text: 'anna\'s' });
			await first.close();
			who = 'ben';
			const second = await open(name + '-synced', mine), told = [];
			second.on('auth', ({ reason }) => told.push(reason.includes('another user')));
			const refused = [await code(second.sync()), await code(second.table('todoitem').toArray())];
			who = 'anna';
			const third = await open(name + '-synced', mine), waits = await third.pending.count();
			const { pushed } = await third.push();
			await third.close();
			return [before, after, refused, told, waits, pushed];`,
			`[null,"anna",["auth","closed"],[true],1,1]`},
	})
}
