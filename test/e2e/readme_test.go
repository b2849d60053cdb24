package e2e

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/browser"
)

// TestReadme does what README.md says: it makes an app of its code blocks, in a folder of its own, and uses it.
func TestReadme(t *testing.T) {
	s := newStack(t)
	data, err := os.ReadFile(filepath.Join(s.root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	if n := strings.Count(readme, "\n"); n > 160 {
		t.Errorf("README.md has %d lines: 160 are what people read", n)
	}
	block := func(language string) string {
		m := regexp.MustCompile("(?s)\n```" + language + "\n(.*?)```\n").FindStringSubmatch(readme)
		if m == nil {
			t.Fatalf("README.md has no block of %s", language)
		}
		return m[1]
	}

	t.Run("the Go example is the one that package store runs", func(t *testing.T) {
		example, err := os.ReadFile(filepath.Join(s.root, "wasm/store/example_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(example), block("go")) {
			t.Error("README.md's Go block is not in wasm/store/example_test.go")
		}
	})

	app := t.TempDir()
	s.web, s.tables = filepath.Join(app, "web"), filepath.Join(app, "tables")
	files := regexp.MustCompile(`dist/(\S+)`).FindAllStringSubmatch(regexp.MustCompile(`(?m)^cp .*$`).FindString(readme), -1)
	var names []string
	for _, f := range files {
		names = append(names, f[1])
		copyTo(t, filepath.Join(s.root, "build/web", f[1]), filepath.Join(s.web, f[1]))
	}
	for path, text := range map[string]string{"web/app.js": block("js"), "web/index.html": block("html"), "tables/todoitem.json": block("json")} {
		write(t, filepath.Join(app, path), []byte(text))
	}
	t.Run("the npm package has the same files, and the types", func(t *testing.T) {
		var p struct{ Files []string }
		mustJSON(t, filepath.Join(s.root, "web/package.json"), &p)
		for i := range p.Files {
			p.Files[i] = strings.TrimSuffix(p.Files[i], "/")
		}
		slices.Sort(p.Files)
		want := append([]string{"larder.d.ts", "appcache.d.ts", "online.d.ts"}, names...)
		slices.Sort(want)
		if !reflect.DeepEqual(p.Files, want) {
			t.Errorf("web/package.json has %q, README.md copies %q", p.Files, want)
		}
	})

	s.start(t)
	b := browser.New(t, browser.Options{})
	page := visit(t, b, s.url+"/")
	texts := func(records map[string]table.Record) (list []string) {
		for _, r := range records {
			list = append(list, r["text"].(string))
		}
		slices.Sort(list)
		return list
	}
	t.Run("the JavaScript example shows its rows in order, and the server has them", func(t *testing.T) {
		page.see(`return document.body.innerText === 'rye bread\nmilk'`)
		if got := texts(s.await(t, page, 2)); !reflect.DeepEqual(got, []string{"milk", "rye bread"}) {
			t.Errorf("the server has %q", got)
		}
	})
	t.Run("with the server stopped it comes up, and adds to them", func(t *testing.T) {
		page.see(`return await applicationCache.ready`)
		s.stop(t)
		if err := page.Reload(page.ctx); err != nil {
			t.Fatal(err)
		}
		page.see(`return document.body.innerText === 'rye bread\nrye bread\nmilk\nmilk'`)
	})
	t.Run("the server is back and gets them unasked", func(t *testing.T) {
		s.start(t)
		if got := texts(s.await(t, page, 4)); !reflect.DeepEqual(got, []string{"milk", "milk", "rye bread", "rye bread"}) {
			t.Errorf("the server has %q", got)
		}
	})
	for _, m := range page.Console() {
		if m.Level == "exception" {
			t.Errorf("the page's console: %v", m)
		}
	}
}

// await waits until the server has n live tasks, and returns them.
func (s *stack) await(t *testing.T, page *user, n int) map[string]table.Record {
	t.Helper()
	page.see(`return (await (await fetch('/tables/todoitem?$deltatoken=', { cache: 'no-store' })).json()).value.length === arguments[0]`, n)
	records, _ := s.changes(t, "todoitem")
	return records
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyTo copies a file or a folder.
func copyTo(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, data)
}
