package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// TestNewVersion changes the app under a page that is used: the folder's manifest is made again, the page hears of it, and
// stays as it is until its user wants otherwise.
func TestNewVersion(t *testing.T) {
	s := newStack(t)
	web := t.TempDir()
	if err := os.CopyFS(web, os.DirFS(s.web)); err != nil {
		t.Fatal(err)
	}
	s.web = web
	s.start(t)
	b := browser.New(t, browser.Options{})
	todo := visit(t, b, s.url+"/todo/")
	todo.see(`return await applicationCache.ready && document.querySelectorAll('#list > .item').length === 3`)

	page := filepath.Join(web, "todo", "index.html")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, []byte(strings.Replace(string(text), "<title>Todo", "<title>Newer", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("the folder's change is a new version, and a banner offers it", func(t *testing.T) {
		// The server looks at the folder once a second.
		todo.see(`return applicationCache.status === applicationCache.UPDATEREADY || await applicationCache.check()`)
		todo.see(`return document.querySelector('#update p').textContent.includes('new version')`)
		todo.see(`return document.title === 'Todo'`)
	})
	t.Run("while changes wait the first click only warns", func(t *testing.T) {
		if err := b.Offline(todo.ctx, true); err != nil {
			t.Fatal(err)
		}
		todo.typeIn("#new", "bread")
		todo.press("Enter")
		todo.see(`return document.querySelector('#pill').dataset.pending === '1'`)
		todo.click("#update-reload")
		todo.see(`return document.querySelector('#update p').textContent.includes('not on the server yet') && document.title === 'Todo'`)
	})
	t.Run("the second one loads the new version, with what waits", func(t *testing.T) {
		todo.click("#update-reload")
		todo.see(`return document.title === 'Newer' && document.querySelector('#pill').dataset.pending === '1' && !document.querySelector('#update')`)
	})
}

// TestWithoutWorker opens an app where browsers offer no workers, as http: under a name that is not localhost: all but the
// offline shell works, and the page says so.
func TestWithoutWorker(t *testing.T) {
	s := newStack(t)
	s.args = []string{"--host", "app.test"}
	s.start(t)
	b := browser.New(t, browser.Options{Args: []string{"--host-resolver-rules=MAP app.test 127.0.0.1"}})
	todo := visit(t, b, strings.Replace(s.url, "127.0.0.1", "app.test", 1)+"/todo/")
	todo.see(`return !isSecureContext && document.querySelectorAll('#list > .item').length === 3`)
	todo.see(`return document.querySelector('.toast')?.textContent.includes('needs the network to open')`)
	todo.see(`return applicationCache.status === applicationCache.UNCACHED && !(await applicationCache.ready)`)
	todo.typeIn("#new", "bread")
	todo.press("Enter")
	todo.see(`return document.querySelector('#pill').dataset.pending === '0' && todoTexts().includes('bread');
		function todoTexts() { return [...document.querySelectorAll('#list .text')].map((e) => e.textContent.trim()); }`)
	records, _ := s.changes(t, "todoitem")
	if len(records) != 4 {
		t.Errorf("the server has %d tasks, want 4", len(records))
	}
}
