package e2e

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

const languagesFile = "/usr/share/iso-codes/json/iso_639-3.json"

// TestFirstLight is a day in the life of two apps: sync, lose the server, work, close the browser, work on, sync, and
// meet a second device. Each part stands on the one before.
func TestFirstLight(t *testing.T) {
	var file map[string][]map[string]any
	mustJSON(t, languagesFile, &file)
	languages := file["639-3"]
	frisian := 0
	for _, l := range languages {
		if strings.Contains(strings.ToLower(l["name"].(string)), "frisian") {
			frisian++
		}
	}

	day := t // what is opened in one part is used in the next
	s := newStack(t)
	s.larder(t, "import", languagesFile, "--table", "language", "--id", "alpha_3", "--db", s.db, "--tables", filepath.Join(s.root, "tables"))
	s.start(t)
	profile := t.TempDir()
	b := browser.New(t, browser.Options{Profile: profile})
	todo := visit(t, b, s.url+"/todo/")
	const seeded = 3

	t.Run("the seeded tasks come with the first sync", func(t *testing.T) {
		todo.see(`return document.querySelectorAll('#list > .item').length === arguments[0] && document.querySelector('#pill').dataset.state === 'online'`, seeded)
		todo.picture("todo-online")
	})
	t.Run("the worker keeps the app", func(t *testing.T) {
		todo.see(`return await applicationCache.ready`)
	})
	langs := visit(t, b, s.url+"/languages/")
	t.Run("all languages are pulled", func(t *testing.T) {
		langs.click("#download")
		langs.see(`return document.querySelector('#stock').dataset.count === String(arguments[0])`, len(languages))
		langs.picture("languages-online")
	})

	s.stop(t)
	t.Run("the server is stopped and both pages come up from the worker", func(t *testing.T) {
		for _, page := range []*user{todo, langs} {
			if err := page.Reload(page.ctx); err != nil {
				t.Fatal(err)
			}
			page.see(`return !document.querySelector('main[aria-busy]') && document.querySelector('#pill').dataset.state === 'offline'`)
		}
	})
	t.Run("tasks are added, completed and deleted offline", func(t *testing.T) {
		for _, text := range []string{"bread", "milk", "naïve café 🧀"} {
			todo.typeIn("#new", text)
			todo.press("Enter")
			todo.see(`return [...document.querySelectorAll('#list .text')].some((e) => e.textContent.trim() === arguments[0])`, text)
		}
		id := func(text string) (id string) {
			todo.read(&id, `return [...document.querySelectorAll('#list > .item')].find((li) => li.textContent.includes(arguments[0])).dataset.id`, text)
			return `#list > .item[data-id="` + id + `"]`
		}
		offline := id("Go offline")
		todo.click(offline + " .toggle")
		todo.see(`return document.querySelector(arguments[0]).dataset.complete === 'true'`, offline)
		check := id("Check this off")
		todo.click(check + " .delete")
		todo.see(`return !document.querySelector(arguments[0])`, check)
		todo.see(`return document.querySelector('#pill').dataset.pending === '5'`)
		todo.picture("todo-offline")
	})
	t.Run("7,910 languages are searched offline, and one is edited", func(t *testing.T) {
		langs.typeIn("#search", "frisian")
		langs.see(`const stats = document.querySelector('#stats'); return stats.dataset.words === 'frisian' && stats.dataset.found === String(arguments[0])`, frisian)
		langs.picture("languages-search")
		langs.click(`#results .result[data-id="fry"] .edit`)
		langs.see(`return document.activeElement?.classList.contains('editor')`)
		langs.read(new(any), `document.activeElement.select()`)
		if err := langs.Type(langs.ctx, "Westerlauwersk Frysk"); err != nil {
			t.Fatal(err)
		}
		langs.press("Enter")
		langs.see(`return document.querySelector('#push').dataset.pending === '1'`)
	})
	want := map[string]bool{"bread": false, "milk": false, "naïve café 🧀": false,
		"Go offline, and add something here": true, "Open Larder for the first time": true}

	t.Run("the browser is closed and opened again, still offline, and all is there", func(t *testing.T) {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = browser.New(day, browser.Options{Profile: profile})
		todo = visit(day, b, s.url+"/todo/")
		todo.see(`return document.querySelectorAll('#list > .item').length === arguments[0]`, len(want))
		if got := todo.tasks(); !reflect.DeepEqual(got, want) {
			t.Errorf("the page shows %v, want %v", got, want)
		}
		langs = visit(day, b, s.url+"/languages/")
		langs.see(`return document.querySelector('#push').dataset.pending === '1'`)
	})
	t.Run("IndexedDB, read by plain JavaScript, agrees", func(t *testing.T) {
		got := map[string]bool{}
		for _, row := range todo.stored("todo", "todoitem") {
			got[row["text"].(string)] = row["complete"] == true
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the store holds %v, want %v", got, want)
		}
		actions := map[string]int{}
		for _, op := range todo.stored("todo", "$outbox") {
			actions[op["action"].(string)]++
		}
		if w := map[string]int{"insert": 3, "update": 1, "delete": 1}; !reflect.DeepEqual(actions, w) {
			t.Errorf("the outbox holds %v, want %v", actions, w)
		}
		if rows := langs.stored("languages", "language"); len(rows) != len(languages) {
			t.Errorf("%d languages are stored, want %d", len(rows), len(languages))
		}
	})

	s.start(t)
	t.Run("the server is back and everything is pushed", func(t *testing.T) {
		todo.click("#refresh")
		langs.click("#push")
		for _, page := range []*user{todo, langs} {
			page.see(`const pill = document.querySelector('#pill'); return pill.dataset.pending === '0' && pill.dataset.state === 'online'`)
		}
		records, _ := s.changes(t, "todoitem")
		got := map[string]bool{}
		for _, r := range records {
			got[r["text"].(string)] = r["complete"] == true
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the server has %v, want %v", got, want)
		}
	})
	other := browser.New(t, browser.Options{})
	second := visit(t, other, s.url+"/todo/")
	t.Run("a second device shows the same", func(t *testing.T) {
		second.see(`return document.querySelectorAll('#list > .item').length === arguments[0]`, len(want))
		if got := second.tasks(); !reflect.DeepEqual(got, want) {
			t.Errorf("the second device shows %v, want %v", got, want)
		}
		page := visit(t, other, s.url+"/languages/")
		page.click("#download")
		page.see(`return document.querySelector('#stock').dataset.count === String(arguments[0])`, len(languages))
		page.typeIn("#search", "frysk")
		page.see(`return document.querySelector('#results .result[data-id="fry"] .name')?.textContent.includes('Westerlauwersk')`)
	})
	t.Run("an edit on both sides is a conflict, and the choice holds", func(t *testing.T) {
		bread := `#list > .item[data-id="` + taskID(todo, "bread") + `"]`
		if err := b.Offline(todo.ctx, true); err != nil {
			t.Fatal(err)
		}
		todo.rename(bread, "rye bread")
		second.rename(bread, "white bread")
		second.click("#refresh")
		second.see(`const { value } = await (await fetch('/tables/todoitem?$deltatoken=', { cache: 'no-store' })).json();
			return value.some((r) => r.text === 'white bread')`) // not the pill: it may not know yet that something waits
		if err := b.Offline(todo.ctx, false); err != nil {
			t.Fatal(err)
		}
		todo.click("#refresh")
		todo.see(`return document.querySelector('#conflict')?.open`)
		todo.see(`const text = document.querySelector('#conflict').textContent; return text.includes('rye bread') && text.includes('white bread')`)
		todo.picture("todo-conflict")
		todo.click("#conflict .keep-mine")
		todo.see(`return !document.querySelector('#conflict')?.open && document.querySelector('#pill').dataset.pending === '0'`)
		second.click("#refresh")
		for _, page := range []*user{todo, second} {
			page.see(`return document.querySelector(arguments[0] + ' .text').textContent.trim() === 'rye bread'`, bread)
		}
	})
}

// TestAnswerLost loses the answer to a push after the server has committed it: the next push must apply nothing twice.
func TestAnswerLost(t *testing.T) {
	s := newStack(t)
	s.start(t)
	b := browser.New(t, browser.Options{})
	todo := visit(t, b, s.url+"/todo/")
	todo.see(`return document.querySelectorAll('#list > .item').length === 3`)
	_, before := s.changes(t, "todoitem")

	s.dropAnswers.Store(1)
	todo.typeIn("#new", "only once")
	todo.press("Enter")
	todo.see(`return [...document.querySelectorAll('#list .text')].some((e) => e.textContent.trim() === 'only once')`)
	for s.dropAnswers.Load() > 0 { // the page pushes soon after a write, and retries by itself
		todo.see(`return true`)
	}
	todo.click("#refresh")
	todo.see(`return document.querySelector('#pill').dataset.pending === '0'`)
	records, after := s.changes(t, "todoitem")
	found := 0
	for _, r := range records {
		if r["text"] == "only once" {
			found++
		}
	}
	if found != 1 || after != before+1 {
		t.Errorf("the server has the task %d times and took %d changes for it; want 1 and 1", found, after-before)
	}
}

func taskID(u *user, text string) (id string) {
	u.t.Helper()
	u.read(&id, `return [...document.querySelectorAll('#list > .item')].find((li) => li.querySelector('.text').textContent.trim() === arguments[0]).dataset.id`, text)
	return id
}

// rename edits a task in place.
func (u *user) rename(css, text string) {
	u.t.Helper()
	u.click(css + " .edit")
	u.see(`return document.activeElement?.classList.contains('editor')`)
	u.read(new(any), `document.activeElement.select()`)
	if err := u.Type(u.ctx, text); err != nil {
		u.t.Fatal(err)
	}
	u.press("Enter")
	u.see(`return document.querySelector(arguments[0] + ' .text')?.textContent.trim() === arguments[1]`, css, text)
}
