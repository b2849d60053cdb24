package e2e

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/browser"
)

// TestQuiet has a server ask to be left alone, and a page that is loaded again and again.
func TestQuiet(t *testing.T) {
	s := newStack(t)
	s.start(t)
	var busy atomic.Bool
	var asked atomic.Int32
	front := s.proxy.Handler
	s.proxy.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == table.PathBatch {
			asked.Add(1)
			if busy.Load() {
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
		}
		front.ServeHTTP(w, r)
	})
	busy.Store(true)
	p := &tab{Page: browser.New(t, browser.Options{}).Open(t, s.url+plain), t: t, ctx: t.Context()}
	visit := func(timeout int) (code string) {
		t.Helper()
		if err := p.Reload(p.ctx); err != nil {
			t.Fatal(err)
		}
		p.read(&code, `
			const { open } = await import('/larder.js');
			const db = await open('quiet', { version: 1, tables: { todoitem: { columns: { text: 'string', complete: 'boolean' } } }, sync: { url: location.origin } });
			if (await db.pending.count() === 0) await db.table('todoitem').insert({ text: 'waits' });
			const code = await db.push({ timeout: arguments[0] }).then(() => 'pushed', (error) => error.code);
			await db.close();
			return code;`, timeout)
		return code
	}
	for i := range 4 {
		if code := visit(1000); code != "server" || asked.Load() != 1 {
			t.Fatalf("visit %d ended with %q after %d requests, want the first to ask, and no other", i, code, asked.Load())
		}
	}
	busy.Store(false)
	if code := visit(60_000); code != "pushed" || asked.Load() != 2 {
		t.Errorf("a visit with patience ended with %q after %d requests", code, asked.Load())
	}
}
