package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// TestReloadAfterLostAnswer reloads a page whose push was carried out and never answered. Another tab then pushes, with changes
// of its own: the server must have carried out each change once, and both tabs must show all.
func TestReloadAfterLostAnswer(t *testing.T) {
	s := newStack(t)
	s.start(t)
	b := browser.New(t, browser.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	const start = `
		const { open } = await import('/larder.js');
		const tables = { todoitem: { columns: { text: 'string', complete: 'boolean' } } };
		window.db = await open('lost', { version: 1, tables, sync: { url: '' } });
		window.items = db.table('todoitem');`
	do := func(p *browser.Page, dst any, body string) {
		t.Helper()
		if err := p.Read(ctx, dst, body); err != nil {
			t.Fatal(err)
		}
	}
	one := b.Open(t, s.url+"/larder.d.ts")
	var code string
	_, before := s.changes(t, "todoitem")
	do(one, new(any), start+`await items.bulkPut(['1', '2', '3'].map((id) => ({ id, text: 'before' })));`)
	s.dropAnswers.Store(10) // browsers send again by themselves what was not answered on a connection that they had before
	do(one, &code, `return db.push({ timeout: 0 }).then(() => '', ({ code }) => code);`)
	if code != "network" {
		t.Fatalf("the push ended with code %q", code)
	}
	s.dropAnswers.Store(0)
	if err := one.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	two := b.Open(t, s.url+"/larder.d.ts")
	do(two, new(any), start+`
		await items.update({ id: '2', text: 'after' });
		await items.insert({ id: '4', text: 'after' });
		await db.sync();`)
	do(one, new(any), start)
	records, after := s.changes(t, "todoitem")
	if after-before != 5 {
		t.Errorf("the server has carried out %d changes, want 5", after-before)
	}
	for _, p := range []*browser.Page{one, two} {
		var got []any
		do(p, &got, `
			const mine = (await items.toArray()).filter(({ id }) => id.length === 1);
			return [...mine.map(({ id, text }) => id + text).sort(), await db.pending.count()];`)
		want := []any{"1before", "2after", "3before", "4after", 0.0}
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("a tab has %v, want %v", got, want)
			}
		}
	}
	if records["2"]["text"] != "after" {
		t.Errorf("the server has %v", records["2"])
	}
}
